"""Every work that must lose nothing; all are module functions, so that they can be pickled for other processes."""

from support.works_on_boxes import BOX_WORKS
from support.works_on_files import FILE_WORKS
from support.works_on_service import SERVICE_WORKS
from support.works_on_stores import STORE_WORKS

WORKS = {**BOX_WORKS, **STORE_WORKS, **FILE_WORKS, **SERVICE_WORKS}
