"""For WSGI servers: `gunicorn flexmeasures.wsgi:application`."""

import os

from flexmeasures.app import create

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # as in cli.main; numpy is imported when it is first used
application = create()
