"""The tour through the lineage: its words in English and Korean, its pictures and its page."""
