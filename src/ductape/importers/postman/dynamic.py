"""Postman's own variables, as `{{$guid}}`: it makes others up in each request.

A UUID is one of the run's own, the same on every attempt (SPEC 9); the present is `$Now()`. What
else there is, is test data: one of each kind, which whoever calls may give anew.
"""

from collections.abc import Iterable, Mapping

from ductape.domain.inputs.unique import MARK

_DATE = "$Dateformat({}, 'ddd MMM DD YYYY HH:mm:ss [GMT+0000]')"
_CLOCK = {
    "$timestamp": "$Dateformat($Now(), 'X')",
    "$isoTimestamp": "$Dateformat($Now(), 'YYYY-MM-DD[T]HH:mm:ss.SSS[Z]')",
    "$randomDateFuture": _DATE.format("$Add($Now(), 86400000)"),
    "$randomDatePast": _DATE.format("$Subtract($Now(), 86400000)"),
    "$randomDateRecent": _DATE.format("$Now()"),
}
_ALONE = frozenset({"$guid", "$randomPassword", "$randomUUID"})
"""What a run's own UUID is as it stands."""
_OWN = dict.fromkeys(_ALONE, MARK) | {
    "$randomEmail": f"{MARK}@example.com",
    "$randomExampleEmail": f"{MARK}@example.com",
    "$randomUserName": f"user-{MARK}",
}
"""What hardly anybody may have twice."""
_MOST_TOLD = 5
_IMAGE = "https://example.com/image.png"
_SENTENCE = "Lorem ipsum dolor sit amet, consectetur adipiscing elit."
_TEST_DATA = {
    "$randomAbbreviation": "SQL",
    "$randomAbstractImage": _IMAGE,
    "$randomAdjective": "open",
    "$randomAlphaNumeric": "a",
    "$randomAnimalsImage": _IMAGE,
    "$randomAvatarImage": _IMAGE,
    "$randomBankAccount": "12345678",
    "$randomBankAccountBic": "DEUTDEFF",
    "$randomBankAccountIban": "DE89370400440532013000",
    "$randomBankAccountName": "Savings Account",
    "$randomBitcoin": "1BoatSLRHtKNngkdXEeobR76b53LETtpyT",
    "$randomBoolean": "true",
    "$randomBs": "extend open networks",
    "$randomBsAdjective": "open",
    "$randomBsBuzz": "extend",
    "$randomBsNoun": "networks",
    "$randomBusinessImage": _IMAGE,
    "$randomCatchPhrase": "Open-source modular network",
    "$randomCatchPhraseAdjective": "Open-source",
    "$randomCatchPhraseDescriptor": "modular",
    "$randomCatchPhraseNoun": "network",
    "$randomCatsImage": _IMAGE,
    "$randomCity": "London",
    "$randomCityImage": _IMAGE,
    "$randomColor": "blue",
    "$randomCommonFileExt": "png",
    "$randomCommonFileName": "image.png",
    "$randomCommonFileType": "image",
    "$randomCompanyName": "Example Ltd",
    "$randomCompanySuffix": "Ltd",
    "$randomCountry": "Germany",
    "$randomCountryCode": "DE",
    "$randomCreditCardMask": "1234",
    "$randomCurrencyCode": "EUR",
    "$randomCurrencyName": "Euro",
    "$randomCurrencySymbol": "€",
    "$randomDatabaseCollation": "utf8_general_ci",
    "$randomDatabaseColumn": "name",
    "$randomDatabaseEngine": "InnoDB",
    "$randomDatabaseType": "varchar",
    "$randomDepartment": "Books",
    "$randomDirectoryPath": "/usr/share",
    "$randomDomainName": "example.com",
    "$randomDomainSuffix": "com",
    "$randomDomainWord": "example",
    "$randomFashionImage": _IMAGE,
    "$randomFileExt": "png",
    "$randomFileName": "image.png",
    "$randomFilePath": "/usr/share/image.png",
    "$randomFileType": "image",
    "$randomFirstName": "Ada",
    "$randomFoodImage": _IMAGE,
    "$randomFullName": "Ada Lovelace",
    "$randomHexColor": "#3366cc",
    "$randomIP": "192.0.2.1",
    "$randomIPV6": "2001:db8::1",
    "$randomImageDataUri": "data:image/svg+xml,%3Csvg%20xmlns='http://www.w3.org/2000/svg'/%3E",
    "$randomImageUrl": _IMAGE,
    "$randomIngverb": "testing",
    "$randomInt": "500",
    "$randomJobArea": "Research",
    "$randomJobDescriptor": "Senior",
    "$randomJobTitle": "Senior Research Engineer",
    "$randomJobType": "Engineer",
    "$randomLastName": "Lovelace",
    "$randomLatitude": "51.5072",
    "$randomLocale": "en",
    "$randomLongitude": "-0.1276",
    "$randomLoremLines": _SENTENCE,
    "$randomLoremParagraph": _SENTENCE,
    "$randomLoremParagraphs": _SENTENCE,
    "$randomLoremSentence": _SENTENCE,
    "$randomLoremSentences": _SENTENCE,
    "$randomLoremSlug": "lorem-ipsum-dolor",
    "$randomLoremText": _SENTENCE,
    "$randomLoremWord": "lorem",
    "$randomLoremWords": "lorem ipsum dolor",
    "$randomMACAddress": "00:00:5e:00:53:01",
    "$randomMimeType": "image/png",
    "$randomMonth": "January",
    "$randomNamePrefix": "Dr.",
    "$randomNameSuffix": "PhD",
    "$randomNatureImage": _IMAGE,
    "$randomNightlifeImage": _IMAGE,
    "$randomNoun": "network",
    "$randomPeopleImage": _IMAGE,
    "$randomPhoneNumber": "202-555-0143",
    "$randomPhoneNumberExt": "1-202-555-0143",
    "$randomPhrase": _SENTENCE,
    "$randomPrice": "10.50",
    "$randomProduct": "Chair",
    "$randomProductAdjective": "Small",
    "$randomProductMaterial": "Wooden",
    "$randomProductName": "Small Wooden Chair",
    "$randomProtocol": "https",
    "$randomSemver": "1.2.3",
    "$randomSportsImage": _IMAGE,
    "$randomStreetAddress": "12 Example Street",
    "$randomStreetName": "Example Street",
    "$randomTransactionType": "payment",
    "$randomTransportImage": _IMAGE,
    "$randomUrl": "https://example.com",
    "$randomUserAgent": "Mozilla/5.0 (X11; Linux x86_64)",
    "$randomVerb": "test",
    "$randomWeekday": "Monday",
    "$randomWord": "network",
    "$randomWords": "open modular network",
}
DYNAMIC: Mapping[str, str] = _CLOCK | _OWN | _TEST_DATA
"""What a definition has in the place of each."""


def is_own_uuid(name: str) -> bool:
    """Tell whether a variable is a UUID as it stands."""
    return name in _ALONE


def is_given(name: str) -> bool:
    """Tell whether a caller may want to give what Postman makes up: the present nobody does."""
    return name in DYNAMIC and name not in _CLOCK


def made_up(name: str) -> str | None:
    """Return the test data that stands for a variable; none where it is another in each run."""
    return _TEST_DATA.get(name)


def told(names: Iterable[str]) -> str | None:
    """Return what to tell of a value with some variables in it; none where all are the run's."""
    found = [f"`{{{{{name}}}}}`" for name in dict.fromkeys(names) if name in _TEST_DATA]
    if not found:
        return None
    shown = ", ".join(found[:_MOST_TOLD]) + (" …" if len(found) > _MOST_TOLD else "")
    return f"test data of Postman's own, {shown}: each run sends the same, or what you give"
