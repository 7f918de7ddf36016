"""Countries as people write them → ISO 3166, so that phone numbers and tax ids can be read. Pure."""

from typing import Final

_NAMES: Final = """
AE united arab emirates,uae,оаэ
AM armenia,армения
AR argentina,аргентина
AT austria,австрия
AU australia,австралия
AZ azerbaijan,азербайджан
BE belgium,бельгия
BG bulgaria,болгария
BR brazil,бразилия
BY belarus,беларусь,белоруссия
CA canada,канада
CH switzerland,швейцария
CL chile,чили
CN china,китай,кнр,қытай
CO colombia,колумбия
CY cyprus,кипр
CZ czechia,czech republic,чехия
DE germany,deutschland,германия
DK denmark,дания
EE estonia,эстония
EG egypt,египет
ES spain,españa,испания
FI finland,финляндия
FR france,франция
GB uk,united kingdom,great britain,england,великобритания
GE georgia,грузия
GR greece,греция
HK hong kong,гонконг
HR croatia,хорватия
HU hungary,венгрия
ID indonesia,индонезия
IE ireland,ирландия
IL israel,израиль
IN india,индия
IT italy,италия
JP japan,япония
KE kenya,кения
KG kyrgyzstan,киргизия,кыргызстан,қырғызстан
KR south korea,korea,корея
KZ kazakhstan,казахстан,қазақстан
LT lithuania,литва
LU luxembourg,люксембург
LV latvia,латвия
MD moldova,молдова
MX mexico,méxico,мексика
MY malaysia,малайзия
NG nigeria,нигерия
NL netherlands,the netherlands,holland,нидерланды
NO norway,норвегия
NZ new zealand,новая зеландия
PE peru,перу
PH philippines,филиппины
PL poland,польша
PT portugal,португалия
RO romania,румыния
RS serbia,сербия
RU russia,russian federation,россия,рф,российская федерация,ресей
SE sweden,швеция
SG singapore,сингапур
SI slovenia,словения
SK slovakia,словакия
TH thailand,таиланд
TJ tajikistan,таджикистан
TM turkmenistan,туркменистан
TR turkey,türkiye,турция,түркия
UA ukraine,украина
US usa,united states,united states of america,u.s.a.,сша
UZ uzbekistan,узбекистан,өзбекстан
VE venezuela,венесуэла
VN vietnam,вьетнам
ZA south africa,юар
"""
_CODES: Final = {
    name: code
    for line in _NAMES.split("\n")
    if line
    for code, _, names in [line.partition(" ")]
    for name in names.split(",")
}


def find_country(text: str | None) -> str | None:
    """The two letters of a country that is written by its name or its letters; None where it is not known."""
    if not text:
        return None
    word = " ".join(text.split())
    if len(word) == 2 and word.isascii() and word.isalpha() and word.upper() != "UK":
        return word.upper()
    return _CODES.get(word.casefold())
