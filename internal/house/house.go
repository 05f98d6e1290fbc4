// Package house holds the tests of how the repository is built: which package
// may import which, and what every file must be. It has no code of its own.
package house
