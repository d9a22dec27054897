"""Who takes part: districts, towns, departments, their shadows, packs and clocks."""

from qipan.tenancy.clocks import Clocks, TestClock
from qipan.tenancy.district import Department, District, Town
from qipan.tenancy.faults import PackError, PackFault
from qipan.tenancy.mandate import Book, Mandate
from qipan.tenancy.matter import Limits, Matter, Severity
from qipan.tenancy.pack import load_district
from qipan.tenancy.people import Person
from qipan.tenancy.service_spec import ServiceSpec
from qipan.tenancy.tenant import Tenant, TenantKind, base_of, in_shadow, is_tenant_id, shadow_of
from qipan.tenancy.unit import Unit
from qipan.tenancy.words import Words

__all__ = [
    "Book",
    "Clocks",
    "Department",
    "District",
    "Limits",
    "Mandate",
    "Matter",
    "PackError",
    "PackFault",
    "Person",
    "ServiceSpec",
    "Severity",
    "Tenant",
    "TenantKind",
    "TestClock",
    "Town",
    "Unit",
    "Words",
    "base_of",
    "in_shadow",
    "is_tenant_id",
    "load_district",
    "shadow_of",
]
