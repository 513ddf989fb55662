// What object mappers of Node say while they make their tables, ask, and look around; each line is the same without sidegate.
'use strict'
require('reflect-metadata')
const { DataSource, EntitySchema, Table, TableColumn, TableForeignKey, TableIndex } = require('typeorm')
const { DataTypes, Op, Sequelize } = require('sequelize')
const knex = require('knex')

const { PGHOST: host, PGPORT: port, PGUSER: user, PGPASSWORD: password, PGDATABASE: database } = process.env

const User = new EntitySchema({
  name: 'User',
  tableName: 't_user',
  columns: {
    id: { type: Number, primary: true, generated: true },
    name: { type: String, length: 50 },
    tags: { type: 'text', array: true, nullable: true },
    kind: { type: 'enum', enum: ['a', 'b'], default: 'a' },
    meta: { type: 'jsonb', nullable: true },
    created: { type: 'timestamptz', createDate: true },
    version: { type: Number, version: true }
  },
  indices: [{ columns: ['name'], unique: true }],
  checks: [{ expression: 'length(name) > 0' }],
  relations: { posts: { type: 'one-to-many', target: 'Post', inverseSide: 'user' } }
})

const Post = new EntitySchema({
  name: 'Post',
  tableName: 't_post',
  columns: {
    id: { type: Number, primary: true, generated: true },
    title: { type: String },
    price: { type: 'numeric', precision: 10, scale: 2, nullable: true }
  },
  relations: { user: { type: 'many-to-one', target: 'User', inverseSide: 'posts', onDelete: 'CASCADE' } }
})

async function typeorm () {
  const source = await new DataSource({
    type: 'postgres', host, port: Number(port), username: user, password, database, entities: [User, Post], synchronize: true
  }).initialize()
  await source.synchronize()
  const [users, posts] = ['User', 'Post'].map((name) => source.getRepository(name))
  const one = await users.save({ name: 'one', tags: ['x'], meta: { a: 1 } })
  await posts.save({ title: 'first', price: '1.20', user: one })
  const found = await users.find({ relations: { posts: true }, where: { posts: { title: 'first' } }, order: { id: 'DESC' }, take: 3 })
  console.log('typeorm', found.map(({ name, posts }) => [name, posts.length]))
  await users.upsert({ name: 'one', kind: 'b' }, ['name'])
  const counted = users.createQueryBuilder('u').leftJoin('u.posts', 'p').select('u.kind', 'kind').addSelect('count(p.id)', 'posts')
  console.log('typeorm', await counted.groupBy('u.kind').having('count(p.id) > 0').getRawMany())
  await source.transaction('SERIALIZABLE', async (manager) => {
    await manager.findOne('User', { where: { id: one.id }, lock: { mode: 'pessimistic_write' } })
    await manager.increment('User', { id: one.id }, 'version', 1)
  })
  const runner = source.createQueryRunner()
  const column = { name: 'id', type: 'int', isPrimary: true, isGenerated: true, generationStrategy: 'identity' }
  await runner.createTable(new Table({ name: 'moved', columns: [column] }), true)
  await runner.addColumn('moved', new TableColumn({ name: 'note', type: 'varchar', isNullable: true, comment: "it's" }))
  await runner.changeColumn('moved', 'note', new TableColumn({ name: 'text', type: 'text', isNullable: true }))
  await runner.createIndex('moved', new TableIndex({ name: 'moved_text', columnNames: ['text'], where: 'text is not null' }))
  const key = { columnNames: ['id'], referencedTableName: 't_user', referencedColumnNames: ['id'], deferrable: 'INITIALLY DEFERRED' }
  await runner.createForeignKey('moved', new TableForeignKey(key))
  const tables = await runner.getTables()
  console.log('typeorm', tables.map(({ name, columns, indices }) => [name, columns.length, indices.length]).sort())
  await runner.dropTable('moved')
  await runner.release()
  await source.destroy()
}

async function sequelize () {
  const source = new Sequelize(database, user, password, { host, port, dialect: 'postgres', logging: false })
  const User = source.define('s_user', {
    name: { type: DataTypes.STRING, unique: true },
    tags: DataTypes.ARRAY(DataTypes.STRING),
    meta: DataTypes.JSONB,
    range: DataTypes.RANGE(DataTypes.INTEGER)
  }, { paranoid: true, comment: 'those who ask' })
  const Post = source.define('s_post', { title: DataTypes.STRING })
  User.hasMany(Post, { onDelete: 'CASCADE' })
  Post.belongsTo(User)
  await source.sync({ force: true })
  await source.sync({ alter: true })
  const one = await User.create({ name: 'one', tags: ['x'], meta: { k: [1] }, range: [1, 5] })
  await Post.create({ title: 'first', sUserId: one.id })
  const where = { tags: { [Op.contains]: ['x'] }, meta: { k: { [Op.ne]: null } } }
  const found = await User.findAndCountAll({ include: Post, where, limit: 2, order: [[Post, 'id', 'DESC']], subQuery: false })
  console.log('sequelize', found.count, found.rows.map(({ name, s_posts: posts }) => [name, posts.length]))
  await User.bulkCreate([{ name: 'two' }, { name: 'one', tags: ['y'] }], { updateOnDuplicate: ['tags'] })
  console.log('sequelize', (await User.findCreateFind({ where: { name: 'three' } }))[1])
  await source.transaction({ isolationLevel: 'REPEATABLE READ' }, async (transaction) => {
    await User.findOne({ lock: true, skipLocked: true, order: ['id'], transaction })
  })
  const runner = source.getQueryInterface()
  const columns = Object.keys(await runner.describeTable('s_users'))
  console.log('sequelize', columns, (await runner.showIndex('s_users')).length, (await runner.showConstraint('s_users')).length)
  await runner.addColumn('s_users', 'added', { type: DataTypes.INTEGER, defaultValue: 4 })
  await runner.renameColumn('s_users', 'added', 'renamed')
  await runner.addIndex('s_users', ['renamed'], { concurrently: true, where: { renamed: { [Op.ne]: 5 } } })
  await one.destroy()
  await one.restore()
  await source.drop({ cascade: true })
  await source.close()
}

async function builder () {
  const source = knex({ client: 'pg', connection: { host, port: Number(port), user, password, database } })
  await source.schema.createTable('k_user', (table) => {
    table.increments()
    table.string('name').unique()
    table.specificType('tags', 'text[]')
    table.enu('kind', ['x', 'y'], { useNative: true, enumName: 'k_kind' })
    table.timestamps(true, true)
    table.integer('parent').references('k_user.id').onDelete('cascade').deferrable('deferred')
    table.comment('who asks')
  })
  await source('k_user').insert([{ name: 'one', kind: 'x' }, { name: 'two' }]).onConflict('name').merge()
  const wide = source.with('w', source('k_user').select('id')).select('*').from('w')
  console.log('knex', await wide.union(source.select(source.raw('99'))).orderBy('id'), (await source('k_user').columnInfo()).name)
  await source.transaction(async (outer) => {
    await outer('k_user').forUpdate().skipLocked().limit(1)
    await outer.transaction(async (inner) => { await inner('k_user').where('name', 'two').del() })
  }, { isolationLevel: 'serializable' })
  await source.schema.alterTable('k_user', (table) => {
    table.dropUnique(['name'])
    table.string('name', 99).notNullable().alter()
    table.renameColumn('tags', 'words')
  })
  console.log('knex', await source.schema.hasColumn('k_user', 'words'), await source('k_user').count())
  await source.schema.createMaterializedView('k_names', (view) => { view.as(source('k_user').select('name')) })
  await source.schema.refreshMaterializedView('k_names')
  await source.schema.dropMaterializedView('k_names')
  await source.schema.dropTable('k_user')
  await source.destroy()
}

// A statement's own database may stand in front of every name: so do those of dbt.
async function qualified () {
  const source = knex({ client: 'pg', connection: { host, port: Number(port), user, password, database } })
  const table = `"${database}".public.q_user`
  await source.raw(`create table ${table} (id int, note text)`)
  await source.raw(`insert into ${table} values (1, 'one')`)
  await source.raw(`update ${table} set note = t.note || '!' from ${table} t where t.id = ${table}.id`)
  console.log('qualified', (await source.raw(`select ${table}.note, ${table}.* from ${table} where ${table}.id = 1`)).rows)
  await source.raw(`alter table ${table} rename to q_other`)
  await source.raw(`drop table "${database}".public.q_other`)
  await source.destroy()
}

typeorm().then(sequelize).then(builder).then(qualified).catch((error) => {
  console.error(error)
  process.exit(1)
})
