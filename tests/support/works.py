"""Every work that promises to lose nothing, each run in a process of its own: they are functions of modules."""

from support.works_on_boxes import BOX_WORKS
from support.works_on_files import FILE_WORKS
from support.works_on_stores import STORE_WORKS

WORKS = {**BOX_WORKS, **STORE_WORKS, **FILE_WORKS}
