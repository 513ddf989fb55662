// Go's drivers as their users use them. Each prints what it was told, so that two servers can be compared.
package main

import (
	"fmt"
	"os"
)

func main() {
	switch os.Args[1] {
	case "pq":
		withPq()
	case "pgx":
		withPgx()
	default:
		must(fmt.Errorf("`%s` is no driver here", os.Args[1]))
	}
}

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		panic(err)
	}
}
