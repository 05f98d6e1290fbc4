// Package realtest measures programs that nobody here wrote: PostgreSQL, etcd,
// redis, apt, SQLite, and the Go compiler and HTTP server. Its tests drive
// each with a known number of operations and compare exact counts. It has no
// code outside its tests.
package realtest
