# Ruby's pg as its users use it. Prints what it was told, so that two servers can be compared.
require 'pg'

db = PG.connect
puts "connected #{db.internal_encoding} #{db.get_client_encoding}"
db.type_map_for_results = PG::BasicTypeMapForResults.new(db)
puts "values #{db.exec_params('select $1::int, $2::text, $3::int[], $4::jsonb, $5::bytea, $6::timestamptz, $7::text',
                              [7, nil, '{1,2,NULL}', '{"a": [1]}', { value: "\x00\xff'".b, format: 1, type: 17 },
                               '2026-01-02 03:04:05+00', "naïve — 'quoted' \\"]).values}"
db.type_map_for_queries = PG::BasicTypeMapForQueries.new(db)

db.prepare('by_id', 'select name, email from customers where id = $1')
(1..8).each { |id| puts "prepared #{db.exec_prepared('by_id', [id]).values}" }
puts "described #{db.describe_prepared('by_id').fields}"
db.exec('create table kept (id serial primary key, name text)')
db.transaction do
  20.times { |n| db.exec_params('insert into kept (name) values ($1)', ["name #{n}"]) }
  db.exec('savepoint here')
  begin
    db.exec('select 1 / 0')
  rescue PG::DivisionByZero => e
    puts "failed #{e.result.error_field(PG::PG_DIAG_SQLSTATE)} #{db.transaction_status}"
  end
  db.exec('rollback to savepoint here')
end
begin
  db.transaction { db.exec('delete from kept'); raise IndexError }
rescue IndexError
  puts "kept #{db.exec('select count(*) from kept').getvalue(0, 0)}"
end

coder = PG::TextEncoder::CopyRow.new
db.copy_data('copy kept (name) from stdin', coder) { 5.times { |n| db.put_copy_data(["copied\t#{n}"]) } }
rows = []
db.copy_data('copy (select name from kept where id > 18 order by id) to stdout', PG::TextDecoder::CopyRow.new) do
  while (row = db.get_copy_data)
    rows << row
  end
end
puts "copied out #{rows}"

db.send_query('select id from orders order by id')
db.set_single_row_mode
puts "streamed #{db.get_result.stream_each_row.sum { |row| row[0] }}"
db.get_last_result

db.exec('listen news')
db.exec("notify news, 'hello'")
db.wait_for_notify(10) { |channel, _, payload| puts "heard #{channel} #{payload}" }

db.send_query('select pg_sleep(30)')
# A request that comes before the statement is lost, with PostgreSQL itself, too.
while db.is_busy
  db.cancel
  IO.select([db.socket_io], nil, nil, 0.1)
  db.consume_input
end
begin
  db.get_last_result
rescue PG::QueryCanceled => e
  puts "cancelled #{e.result.error_field(PG::PG_DIAG_SQLSTATE)}"
end

db.enter_pipeline_mode
5.times { |n| db.send_query_params('select $1::int * 2', [n]) }
db.pipeline_sync
results = []
until results.last == :sync
  while (result = db.get_result)
    results << (result.result_status == PG::PGRES_PIPELINE_SYNC ? :sync : result.values)
    break if results.last == :sync
  end
end
db.exit_pipeline_mode
puts "pipelined #{results}"

2.times do
  db.exec_params('select salary from payroll where id = $1', [1])
rescue PG::InsufficientPrivilege => e
  puts "denied #{e.result.error_field(PG::PG_DIAG_SQLSTATE)} #{e.result.error_field(PG::PG_DIAG_MESSAGE_PRIMARY)}"
  puts "goes on #{db.exec('select 8').values}"
end
db.reset
puts "reset #{db.exec('select 9').values}"
db.close
