# DBD::Pg as its users use it. Prints what it was told, so that two servers can be compared.
use strict;
use warnings;
use DBI;
use DBD::Pg qw(:pg_types);

$Data::Dumper::Indent = 0;
my $db = DBI->connect('dbi:Pg:', '', '', { AutoCommit => 1, RaiseError => 1, PrintError => 0 });
print 'connected ', $db->ping, ' ', $db->{pg_enable_utf8}, "\n";

my $by_id = $db->prepare('select name, email from customers where id = ?');
for my $id (1 .. 8) {
    $by_id->execute($id);
    print join('|', 'prepared', $by_id->fetchrow_array), "\n";
}
my $values = $db->prepare('select ?::int, ?::text, ?::int[], ?::jsonb, ?::bytea, ?::timestamptz');
$values->bind_param(5, undef, { pg_type => PG_BYTEA });
$values->execute(7, undef, [1, 2, undef], '{"a": [1]}', "\x00\xff'", '2026-01-02 03:04:05.678+00');
my @row = $values->fetchrow_array;
print join('|', 'values', map { !defined $_ ? 'null' : ref $_ ? '[' . join(',', map { $_ // 'null' } @$_) . ']' : unpack('H*', $_) } @row), "\n";

$db->do('create table kept (id serial primary key, name text)');
$db->begin_work;
$db->do('insert into kept (name) values (?)', undef, "name $_") for 1 .. 20;
$db->pg_savepoint('here');
eval { $db->do('select 1 / 0') };
print 'failed ', $db->state, "\n";
$db->pg_rollback_to('here');
$db->pg_release('here');
$db->commit;
$db->begin_work;
$db->do('delete from kept');
$db->rollback;
print 'kept ', $db->selectrow_array('select count(*) from kept'), ' last ', $db->last_insert_id(undef, 'public', 'kept', 'id'), "\n";

$db->do('copy kept (name) from stdin');
$db->pg_putcopydata("copied $_\n") for 1 .. 5;
$db->pg_putcopyend;
$db->do('copy (select name from kept where id > 18 order by id) to stdout');
my $line = '';
print "copied out $line" while $db->pg_getcopydata(\$line) >= 0;

$db->begin_work;
$db->do('declare walk cursor for select id from orders order by id');
my $sum = 0;
while (my $rows = $db->selectcol_arrayref('fetch 300 from walk')) {
    last unless @$rows;
    $sum += $_ for @$rows;
}
print "walked $sum\n";
$db->commit;

$db->do('listen news');
$db->do("notify news, 'hello'");
my $note = $db->pg_notifies;
print "heard $note->[0] $note->[2]\n";

my $slow = $db->prepare('select pg_sleep(30)', { pg_async => PG_ASYNC });
$slow->execute;
$db->pg_cancel;
print 'cancelled ', $db->selectrow_array('select 7'), "\n";

for (1 .. 2) {
    eval { $db->selectrow_array('select salary from payroll where id = ?', undef, 1) };
    print 'denied ', $db->state, ' ', $db->pg_error_field('primary'), "\n";
    print 'goes on ', $db->selectrow_array('select 8'), "\n";
}
print 'columns ', join(',', map { $_->{COLUMN_NAME} . ':' . $_->{TYPE_NAME} }
    @{ $db->column_info(undef, 'public', 'customers', undef)->fetchall_arrayref({}) }), "\n";
print 'key ', join(',', $db->primary_key(undef, 'public', 'customers')), "\n";
print 'tables ', join(',', sort grep { !/payroll/ } $db->tables(undef, 'public', undef, 'TABLE')), "\n";
print 'foreign ', scalar @{ $db->foreign_key_info(undef, 'public', 'customers', undef, 'public', 'orders')->fetchall_arrayref }, "\n";
undef $_ for $by_id, $values, $slow;
$db->disconnect;
