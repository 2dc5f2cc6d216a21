"""The last that the fork server imports: all that it has imported lasts, and no part need look it over as it starts.

So the pages with it stay shared, too: a look at an object writes to it.
"""

from __future__ import annotations

import gc

gc.collect()
gc.freeze()
