"""Address translation: TLBs, page-table walker, walk caches, physical memory protection."""
