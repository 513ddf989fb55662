package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
)

func state(err error) string {
	var problem *pgconn.PgError
	if errors.As(err, &problem) {
		return problem.Code + " " + problem.Message
	}
	return fmt.Sprint(err)
}

func withPgx() {
	for _, mode := range []pgx.QueryExecMode{
		pgx.QueryExecModeCacheStatement, pgx.QueryExecModeCacheDescribe, pgx.QueryExecModeDescribeExec,
		pgx.QueryExecModeExec, pgx.QueryExecModeSimpleProtocol,
	} {
		fmt.Println("==", mode)
		config, err := pgx.ParseConfig("")
		must(err)
		config.DefaultQueryExecMode = mode
		converse(context.Background(), config)
	}
}

func converse(ctx context.Context, config *pgx.ConnConfig) {
	db, err := pgx.ConnectConfig(ctx, config)
	must(err)
	defer db.Close(ctx)
	for id := 1; id <= 8; id++ {
		var name, email string
		must(db.QueryRow(ctx, "select name, email from customers where id = $1", id).Scan(&name, &email))
		fmt.Println("parameter", name, email)
	}
	at := time.Date(2026, 1, 2, 3, 4, 5, 678000, time.UTC)
	var number int
	var text pgtype.Text
	var numbers []*int32
	var json map[string]any
	var raw []byte
	var quoted string
	one := int32(1)
	must(db.QueryRow(ctx, "select $1::int, $2::text, $3::int[], $4::jsonb, $5::bytea, $6::timestamptz, $7::text",
		7, nil, []*int32{&one, nil}, `{"a": 1}`, []byte{0, 255, 39}, at, `naïve — 'quoted' \ $1`).
		Scan(&number, &text, &numbers, &json, &raw, &at, &quoted))
	fmt.Println("values", number, text, len(numbers), numbers[1], json, raw, at.UTC(), quoted)
	_, err = db.Exec(ctx, "create table kept (id int primary key, name text)")
	must(err)
	copied, err := db.CopyFrom(ctx, pgx.Identifier{"kept"}, []string{"id", "name"},
		pgx.CopyFromSlice(300, func(n int) ([]any, error) { return []any{n, fmt.Sprintf("name %d", n)}, nil }))
	must(err)
	fmt.Println("copied", copied)
	var out bytes.Buffer
	tag, err := db.PgConn().CopyTo(ctx, &out, "copy (select * from kept where id < 3 order by id) to stdout")
	must(err)
	fmt.Println("copied out", tag, out.String())
	_, err = db.PgConn().CopyFrom(ctx, strings.NewReader("no number\n"), "copy kept from stdin")
	fmt.Println("refused data", state(err))

	err = pgx.BeginFunc(ctx, db, func(outer pgx.Tx) error {
		inner := pgx.BeginFunc(ctx, outer, func(tx pgx.Tx) error {
			_, err := tx.Exec(ctx, "select 1 / 0")
			return err
		})
		fmt.Println("inner failed", state(inner))
		_, err := outer.Exec(ctx, "delete from kept where id > $1", 290)
		return err
	})
	must(err)
	tx, err := db.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.Serializable, AccessMode: pgx.ReadOnly, DeferrableMode: pgx.Deferrable})
	must(err)
	_, err = tx.Exec(ctx, "delete from kept")
	fmt.Println("read only", state(err))
	must(tx.Rollback(ctx))

	batch := &pgx.Batch{}
	for n := range 30 {
		batch.Queue("select name from kept where id = $1", n)
	}
	batch.Queue("update kept set name = $1 where id = $2", "changed", 1)
	results := db.SendBatch(ctx, batch)
	for range 30 {
		must(results.QueryRow().Scan(&quoted))
	}
	tag, err = results.Exec()
	must(err)
	must(results.Close())
	fmt.Println("batch", quoted, tag)

	rows, err := db.Query(ctx, "select id from orders order by id")
	must(err)
	ids, err := pgx.CollectRows(rows, pgx.RowTo[int])
	must(err)
	fmt.Println("rows", len(ids))

	_, err = db.Exec(ctx, "listen news")
	must(err)
	_, err = db.Exec(ctx, "select pg_notify('news', $1)", "hello")
	must(err)
	note, err := db.WaitForNotification(ctx)
	must(err)
	fmt.Println("heard", note.Channel, note.Payload)

	for range 2 {
		_, err = db.Exec(ctx, "select salary from payroll where id = $1", 1)
		fmt.Println("denied", state(err))
		must(db.QueryRow(ctx, "select 8").Scan(&number))
		fmt.Println("goes on", number)
	}
	batch = &pgx.Batch{}
	batch.Queue("update kept set name = 'batched' where id = 2")
	batch.Queue("select salary from payroll")
	batch.Queue("update kept set name = 'batched' where id = 3")
	fmt.Println("batch denied", state(db.SendBatch(ctx, batch).Close()))
	must(db.QueryRow(ctx, "select count(*) from kept where name = 'batched'").Scan(&number))
	fmt.Println("batched", number)
	_, err = db.Exec(ctx, "drop table kept")
	must(err)

	short, cancel := context.WithTimeout(ctx, 300*time.Millisecond)
	_, err = db.Exec(short, "select pg_sleep(30)")
	cancel()
	fmt.Println("gave up", err != nil)
	other, err := pgx.ConnectConfig(ctx, config)
	must(err)
	time.AfterFunc(500*time.Millisecond, func() { must(other.PgConn().CancelRequest(ctx)) })
	_, err = other.Exec(ctx, "select pg_sleep(30)")
	fmt.Println("cancelled", state(err))
	must(other.Close(ctx))
}
