"""The subcommands: each module adds its arguments to the parser, and acts on them."""
