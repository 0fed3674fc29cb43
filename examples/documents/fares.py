"""What a crossing costs. All amounts are whole cents."""

from dataclasses import dataclass

ADULT = {"north": 1450, "east": 1200, "island": 2300}
BICYCLE = 300
FREE_BELOW_AGE = 4
CHILD_BELOW_AGE = 15


@dataclass(frozen=True)
class Passenger:
    age: int
    bicycle: bool = False
    commuter_pass: bool = False


def fare(line: str, passenger: Passenger) -> int:
    """The price in cents of one crossing on *line*. Children pay half, infants and pass holders nothing."""
    price = ADULT[line]
    if passenger.commuter_pass or passenger.age < FREE_BELOW_AGE:
        price = 0
    elif passenger.age < CHILD_BELOW_AGE:
        price //= 2
    return price + (BICYCLE if passenger.bicycle else 0)


def family(line: str, passengers: list[Passenger]) -> int:
    """The price for people who travel together: the third child and all further ones are free."""
    children = sorted(p.age for p in passengers if FREE_BELOW_AGE <= p.age < CHILD_BELOW_AGE)
    discount = max(0, len(children) - 2) * (ADULT[line] // 2)
    return sum(fare(line, passenger) for passenger in passengers) - discount
