"""The data files that the regression SQL copies in. The suite's own are not in its package; these have the same
columns, so that most statements find rows. The same numbers every time."""

import json
import random

WORDS = ["Oak", "Mission", "Alvarado", "Broadway", "Castro", "Market", "Sansome", "Telegraph"]


def letters(number):
    """A number as the suite spells it: base 26, the lowest digit first, six letters."""
    text = ""
    for _ in range(6):
        number, digit = divmod(number, 26)
        text += chr(ord("A") + digit)
    return text


def wisconsin(count, step):
    """The benchmark table behind `onek` and `tenk1`: `unique1` in no order, the rest computed from it."""
    for row in range(count):
        one = row * step % count
        hundred = one % 100
        yield (
            one, row, one % 2, one % 4, one % 10, one % 20, hundred, one % 1000, one % 2000, one % 5000, one % 10000,
            hundred * 2, hundred * 2 + 1, letters(one), letters(row), ("AAAA", "HHHH", "OOOO", "VVVV")[row % 4] + "xx",
        )


def people(chance, count, more):
    for row in range(count):
        place = f"({chance.randrange(20)},{chance.randrange(20)})"
        yield (f"person{row}", 18 + chance.randrange(60), place, *more(row))


def roads(chance):
    for row in range(300):
        kind = ("I- 580", "State Hwy 84", f"{chance.choice(WORDS)} St", f"I- 880 {row} Ramp")[row % 4]
        points = ((chance.uniform(-122, -121), chance.uniform(37, 38)) for _ in range(2 + row % 5))
        yield kind, "[" + ",".join(f"({x:.4f},{y:.4f})" for x, y in points) + "]"


def boxes(chance):
    for _ in range(3000):
        x, y = chance.randrange(40000), chance.randrange(40000)
        yield (f"({x + chance.randrange(200)},{y + chance.randrange(200)}),({x},{y})",)


def arrays(chance):
    for row in range(1, 101):
        numbers = ",".join(str(chance.randrange(100)) for _ in range(chance.randrange(9)))
        texts = ",".join(letters(chance.randrange(100)) for _ in range(chance.randrange(9)))
        yield row, "{" + numbers + "}", "{" + texts + "}"


def documents(chance):
    for row in range(1000):
        value = {"line": row, "wait": chance.choice([None, "CC", "CAP", 5]), "public": row % 3 == 0, "array": ["foo"]}
        kept = {key: value[key] for key in value if key == "line" or chance.random() < 0.5}
        yield (json.dumps(kept),)


def texts(chance):
    for _ in range(500):
        words = sorted({chance.choice("wr qh eq lo pl tx ed vq wd ix") + letters(chance.randrange(9)) for _ in range(9)})
        yield " ".join(words), " ".join(f"'{word.lower()}':{place}" for place, word in enumerate(words, 1))


def tables():
    """Name and rows of each file."""
    chance = random.Random(1986)
    yield "onek", wisconsin(1000, 147)
    yield "tenk", wisconsin(10000, 7919)
    yield "person", people(chance, 50, lambda row: ())
    yield "emp", people(chance, 3, lambda row: (500 * row, f"person{row + 1}"))
    yield "student", people(chance, 2, lambda row: (1.5 + row,))
    yield "stud_emp", people(chance, 3, lambda row: (1000 * row, "person0", 2.25, 50 + row))
    yield "streets", roads(chance)
    yield "real_city", ((100000 * row, f"City{row}", "((-122,37),(-121.5,37.5),(-121,37))") for row in range(5))
    yield "agg", [(56, 7.8), (100, 99.097), (0, 0.09561), (42, 324.78)]
    yield "array", arrays(chance)
    yield "rect", boxes(chance)
    yield "hash", ((row, chance.randrange(2**31)) for row in range(10000))
    yield "hashovfl", ((row // 10, row) for row in range(10000))
    yield "desc", ((row, chance.randrange(2**31)) for row in reversed(range(10000)))
    yield "constro", [(4, "!check failed", 5), (5, "constraint", 6)]
    yield "constrf", [(4, "!check failed", 5), (7, "check failed", 8)]
    yield "jsonb", documents(chance)
    yield "tsearch", texts(chance)


def write(folder):
    for name, rows in tables():
        with open(folder / f"{name}.data", "w") as file:
            for row in rows:
                file.write("\t".join(str(value).replace("\\", "\\\\") for value in row) + "\n")
