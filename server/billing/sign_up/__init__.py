"""From somebody who wants a workspace to a tenant with an owner and a trial; the address is proven in between."""
