// Connect's declarations use a name of the DOM's library that Node's types leave out.
type HeadersInit = ConstructorParameters<typeof Headers>[0]
