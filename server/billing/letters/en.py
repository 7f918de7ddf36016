"""Letters in English."""

from typing import Final

TEXTS: Final = {
    "sign_up": (
        "Your workspace {company}",
        """
Hello {name},

this link opens the workspace “{company}” under the address {slug}, with a trial of {trial_days} days. No card is needed:

{link}

The link is good until {expires}. If you did not ask for a workspace, do nothing: without the link, none is opened.
""",
    ),
}
