"""How a syntax tree becomes a checked tree; `lossdsl.meaning.resolve` is the table of contents."""
