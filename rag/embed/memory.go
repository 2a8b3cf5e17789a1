package embed

// Online is the kind of a space whose vectors come from an API.
const Online = "online"
