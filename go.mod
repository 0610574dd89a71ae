module kcue.dev

go 1.26

require cuelang.org/go v0.17.1
