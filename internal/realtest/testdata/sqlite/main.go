// sqlite: SQLite, which is C, called by a Go program through cgo.
//
// Truth: each of three workers has a database of its own. It runs main.exec
// once to make a table and three times to fill it, then main.query as often as
// plan says. SQLite prepares each text anew, the second statement in a text by
// itself, and, when a table is made, one of its own by which it reads its
// schema, whose length it gives as -1: up to its NUL. Prints how many answers
// of each worker were right.
package main

import (
	"bufio"
	"context"
	"database/sql"
	"fmt"
	"os"
	"sync"

	_ "github.com/mattn/go-sqlite3"
)

var plan = []struct {
	text string
	n    int
	want int
}{
	{"select 6 * 7", 7, 42},
	{"select length('größe')", 11, 5},
	{"select count(*) from t where name = 'x' -- a text of more than sixty-four bytes", 5, 3},
	{"select 1; select 2", 3, 2}, // the last one answers
}

//go:noinline
func query(conn *sql.Conn, text string) int {
	var got int
	if err := conn.QueryRowContext(context.Background(), text).Scan(&got); err != nil {
		panic(err)
	}
	return got
}

//go:noinline
func exec(conn *sql.Conn, text string) {
	if _, err := conn.ExecContext(context.Background(), text); err != nil {
		panic(err)
	}
}

// work returns how many answers were right.
func work(conn *sql.Conn) (right int) {
	exec(conn, "create table t (name text)")
	for range 3 {
		exec(conn, "insert into t values ('x')")
	}
	for _, p := range plan {
		for range p.n {
			if query(conn, p.text) == p.want {
				right++
			}
		}
	}
	return right
}

func main() {
	db, err := sql.Open("sqlite3", ":memory:")
	if err != nil {
		panic(err)
	}
	const workers = 3
	var conns [workers]*sql.Conn
	for i := range conns {
		if conns[i], err = db.Conn(context.Background()); err != nil {
			panic(err)
		}
	}
	fmt.Println("ready", os.Getpid())
	in := bufio.NewReader(os.Stdin)
	in.ReadString('\n')
	var right [workers]int
	var group sync.WaitGroup
	for i, conn := range conns {
		group.Go(func() { right[i] = work(conn) })
	}
	group.Wait()
	fmt.Println("right =", right)
	fmt.Println("done")
	in.ReadString('\n')
}
