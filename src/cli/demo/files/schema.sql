create table public.customers (
    id int primary key generated always as identity,
    name text not null,
    email text not null,
    city text not null
);
create table public.orders (
    id int primary key generated always as identity,
    customer_id int not null references public.customers (id),
    item text not null,
    cents int not null,
    placed_at timestamptz not null default now()
);
insert into public.customers (name, email, city) values
    ('Ada Lovelace', 'ada@example.com', 'London'),
    ('Alan Turing', 'alan@example.com', 'Manchester'),
    ('Edsger Dijkstra', 'edsger@example.com', 'Rotterdam'),
    ('Grace Hopper', 'grace@example.com', 'New York'),
    ('Katherine Johnson', 'katherine@example.com', 'Hampton');
insert into public.orders (customer_id, item, cents)
select customer, 'item ' || number, 100 * number
from generate_series(1, 5) as customer, generate_series(1, 4) as number;
alter table public.customers owner to shop_app;
alter table public.orders owner to shop_app;
