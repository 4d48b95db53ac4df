"""The reference interpreter's parts; `lossdsl.meaning.interpret` is its face.

Nothing here imports the compiler, the resolver or the table of functions: the judge shares no code with the judged.
"""
