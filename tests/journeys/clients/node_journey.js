// node-postgres as its users use it: values, prepared names, errors, transactions.
const assert = require('node:assert')
const { Client, Pool } = require('pg')

async function main() {
  const client = new Client()
  await client.connect()
  const one = await client.query('select name from customers where id = $1', [7])
  assert.deepStrictEqual(one.rows, [{ name: 'customer 7' }])
  for (let n = 1; n <= 3; n++) {
    const named = await client.query({ name: 'by-id', text: 'select id from orders where id = $1', values: [n] })
    assert.deepStrictEqual(named.rows, [{ id: n }])
  }
  await assert.rejects(client.query('select 1/0'), { code: '22012' })
  await client.query('begin')
  await client.query("insert into public.customers values (1000, 'new', null)")
  await client.query('rollback')
  const gone = await client.query('select count(*)::int as n from customers where id = 1000')
  assert.strictEqual(gone.rows[0].n, 0)
  await client.end()

  const pool = new Pool({ max: 5 })
  const answers = await Promise.all([...Array(50).keys()].map((n) => pool.query('select $1::int as n', [n])))
  assert.deepStrictEqual(answers.map((answer) => answer.rows[0].n), [...Array(50).keys()])
  await pool.end()
}

main().catch((error) => { console.error(error); process.exit(1) })
