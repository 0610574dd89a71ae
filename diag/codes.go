package diag

// Code names a kind of diagnostic: KC1xx load, KC2xx schema, KC3xx
// composition, KC4xx policy semantics, KC5xx best practice, KC6xx target.
type Code string
