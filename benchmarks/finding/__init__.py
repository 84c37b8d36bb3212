"""How well findings are told in other places and patients, and by what else than disease."""
