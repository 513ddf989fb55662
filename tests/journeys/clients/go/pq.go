package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/lib/pq"
)

func code(err error) string {
	var problem *pq.Error
	if errors.As(err, &problem) {
		return string(problem.Code) + " " + problem.Message
	}
	return fmt.Sprint(err)
}

func withPq() {
	db, err := sql.Open("postgres", "sslmode=disable")
	must(err)
	defer db.Close()
	byID, err := db.Prepare("select name, email from customers where id = $1")
	must(err)
	for id := 1; id <= 8; id++ {
		var name, email string
		must(byID.QueryRow(id).Scan(&name, &email))
		fmt.Println("prepared", name, email)
	}
	for range 3 {
		var number int
		var text sql.NullString
		var numbers []sql.NullInt64
		var json, quoted string
		var bytes []byte
		var at time.Time
		at = time.Date(2026, 1, 2, 3, 4, 5, 678000, time.UTC)
		must(db.QueryRow("select $1::int, $2::text, $3::int[], $4::jsonb, $5::bytea, $6::timestamptz, $7::text",
			7, nil, pq.Array([]sql.NullInt64{{Int64: 1, Valid: true}, {}}), `{"a": [1]}`, []byte{0, 255, 39}, at, `naïve — 'quoted' \ $1`).
			Scan(&number, &text, pq.Array(&numbers), &json, &bytes, &at, &quoted))
		fmt.Println("values", number, text, numbers, json, bytes, at.UTC(), quoted)
	}
	_, err = db.Exec("create table kept (id serial primary key, name text)")
	must(err)

	tx, err := db.Begin()
	must(err)
	copied, err := tx.Prepare(pq.CopyIn("kept", "name"))
	must(err)
	for n := range 250 {
		_, err = copied.Exec(fmt.Sprintf("name %d", n))
		must(err)
	}
	_, err = copied.Exec()
	must(err)
	must(copied.Close())
	_, err = tx.Exec("savepoint here")
	must(err)
	_, err = tx.Exec("select 1 / 0")
	fmt.Println("failed", code(err))
	_, err = tx.Exec("rollback to savepoint here")
	must(err)
	must(tx.Commit())
	tx, err = db.BeginTx(context.Background(), &sql.TxOptions{Isolation: sql.LevelSerializable, ReadOnly: true})
	must(err)
	_, err = tx.Exec("delete from kept")
	fmt.Println("read only", code(err))
	must(tx.Rollback())
	var count, sum int
	must(db.QueryRow("select count(*) from kept").Scan(&count))
	fmt.Println("kept", count)

	tx, err = db.Begin()
	must(err)
	_, err = tx.Exec("declare walk cursor for select id from orders order by id")
	must(err)
	for {
		rows, err := tx.Query("fetch 300 from walk")
		must(err)
		more := false
		for rows.Next() {
			var id int
			must(rows.Scan(&id))
			sum += id
			more = true
		}
		must(rows.Err())
		if !more {
			break
		}
	}
	must(tx.Commit())
	fmt.Println("walked", sum)

	listener := pq.NewListener("sslmode=disable", time.Second, time.Second, nil)
	must(listener.Listen("news"))
	_, err = db.Exec("select pg_notify('news', $1)", "hello")
	must(err)
	note := <-listener.Notify
	fmt.Println("heard", note.Channel, note.Extra)
	must(listener.Close())

	ctx, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond)
	_, err = db.ExecContext(ctx, "select pg_sleep(30)")
	cancel()
	fmt.Println("cancelled", err != nil)

	for range 2 {
		_, err = db.Query("select salary from payroll where id = $1", 1)
		fmt.Println("denied", code(err))
		_, err = db.Query("select salary from payroll")
		fmt.Println("denied", code(err))
		must(db.QueryRow("select 8").Scan(&count))
		fmt.Println("goes on", count)
	}
	rows, err := db.Query("select 1; select 2")
	must(err)
	for more := true; more; more = rows.NextResultSet() {
		for rows.Next() {
			must(rows.Scan(&count))
			fmt.Println("of many", count)
		}
	}
	must(rows.Err())
	must(db.Ping())
}
