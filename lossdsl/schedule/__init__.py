"""When and where the values of a program are computed: between the IR and the printers of back ends."""
