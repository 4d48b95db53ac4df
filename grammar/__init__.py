"""The grammar of the loss language, as the package `lossdsl.grammar`, so that an installed wheel carries it."""
