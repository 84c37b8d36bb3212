"""The open project in the viewer: cases into layers, strokes into the journal, decisions. No widgets."""
