"""Texts of pages in the language of whoever reads them.

Texts stand in the code in English, marked by `gettext` and its kin (in templates: `_` and `trans`). Their
translations are catalogs in the folder `translations` of this package; another plugin brings those of its own
texts, also in further languages, in a folder of that name beside its `__init__.py`.
"""

from __future__ import annotations

from flexmeasures_translation.language import COOKIE as COOKIE
from flexmeasures_translation.language import install as install
from flexmeasures_translation.language import language as language
from flexmeasures_translation.language import languages as languages
from flexmeasures_translation.notation import day_and_time as day_and_time
from flexmeasures_translation.notation import decimal_mark as decimal_mark
from flexmeasures_translation.notation import month_and_year as month_and_year
from flexmeasures_translation.notation import short_day as short_day
from flexmeasures_translation.notation import weekday_and_time as weekday_and_time
from flexmeasures_translation.notation import with_point as with_point
from flexmeasures_translation.texts import gettext as gettext
from flexmeasures_translation.texts import marked as marked
from flexmeasures_translation.texts import ngettext as ngettext
