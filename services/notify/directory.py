"""The people of the district, found by what they are there for."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence

from qipan.access import Role
from qipan.tenancy import District, Person, Words, base_of


class Directory:
    """Looks people and units up in constant time. All are the live district's; a shadow has the same ones."""

    def __init__(
        self,
        people: Iterable[Person],
        units: Mapping[str, Words],
        arbiter_of: Callable[[str], tuple[str, str]] | None = None,
        district: str = "",
        departments: Mapping[str, str] | None = None,
    ) -> None:
        """`departments`: unit → whose it is."""
        self._units = units
        self.district = district
        self._arbiter_of = arbiter_of
        self._by_department: dict[tuple[str, str], list[Person]] = defaultdict(list)
        self._by_id: dict[str, Person] = {}
        self._by_unit: dict[str, list[Person]] = defaultdict(list)
        self._by_role: dict[tuple[str, str], list[Person]] = defaultdict(list)
        self._by_cell: dict[tuple[str, str], list[Person]] = defaultdict(list)
        for person in people:
            self._by_id[person.id] = person
            for role in person.roles:
                self._by_role[person.tenant, role].append(person)
            if person.unit is not None and Role.HANDLER in person.roles:
                self._by_unit[person.unit].append(person)
                if departments and person.unit in departments:
                    self._by_department[person.tenant, departments[person.unit]].append(person)
            if Role.GRID_WORKER in person.roles:
                for cell in person.cells:
                    self._by_cell[person.tenant, cell].append(person)

    @classmethod
    def of(cls, district: District) -> "Directory":
        """Everybody in a district."""
        units = [unit for tenant in district.tenants for unit in district.units_of(tenant)]
        names, departments = {u.id: u.name for u in units}, {u.id: u.department for u in units}

        def arbiter_of(tenant: str) -> tuple[str, str]:
            return district.id, district.setting(tenant, "dispatch.arbiter", "dispatcher")

        return cls(district.people, names, arbiter_of, district.id, departments)

    def person(self, person_id: str) -> Person | None:
        """The person with this id, or whose exercise account has it."""
        return self._by_id.get(base_of(person_id))

    def unit_name(self, unit: str) -> Words | None:
        """What a unit is called."""
        return self._units.get(unit)

    def handlers(self, unit: str) -> Sequence[Person]:
        """Everybody who handles cases for a unit."""
        return self._by_unit.get(unit, ())

    def of_department(self, town: str, department: str) -> Sequence[Person]:
        """Everybody who handles cases for a department's units in a live town."""
        return self._by_department.get((town, department), ())

    def with_role(self, tenant: str, role: Role) -> Sequence[Person]:
        """Everybody of a live tenant who has this role."""
        return self._by_role.get((tenant, role), ())

    def of_district(self) -> Sequence[Person]:
        """The district's own leads and dispatchers."""
        roles = (Role.DISTRICT_LEAD, Role.DISPATCHER)
        return [person for role in roles for person in self.with_role(self.district, role)]

    def acceptors(self, tenant: str) -> Sequence[Person]:
        """Who decides about a live tenant's reports: its acceptors; without any, who sees to it that they do."""
        return self.with_role(tenant, Role.ACCEPTOR) or self.overseers(tenant)

    def overseers(self, tenant: str) -> Sequence[Person]:
        """A live tenant's shift leaders; without any, the district's acceptors, or its leads and dispatchers."""
        return (
            self.with_role(tenant, Role.SHIFT_LEADER)
            or self.with_role(self.district, Role.ACCEPTOR)
            or self.of_district()
        )

    def supervising(self, tenant: str) -> Sequence[Person]:
        """A live tenant's supervisors; without any the district's, or at last its leads."""
        return (
            self.with_role(tenant, Role.SUPERVISOR)
            or self.with_role(self.district, Role.SUPERVISOR)
            or self.with_role(self.district, Role.DISTRICT_LEAD)
        )

    def arbiters(self, tenant: str) -> Sequence[Person]:
        """Whoever of the district decides a live tenant's disputed returns."""
        return self._by_role.get(self._arbiter_of(tenant), ()) if self._arbiter_of else ()

    def desk_of(self, department: str) -> Sequence[Person]:
        """The dispatchers of a department, or the district's for one that has no people of its own."""
        return self.with_role(department, Role.DISPATCHER) or self.with_role(self.district, Role.DISPATCHER)

    def grid_workers(self, tenant: str, cell: str) -> Sequence[Person]:
        """The grid workers of a live tenant who answer for a duty cell."""
        return self._by_cell.get((tenant, cell), ())
