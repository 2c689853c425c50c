"""Who may see and do what with RedRoomRewards."""

from accounts.models import FINANCE_ROLES, SUPPORT_ROLES, Role

UNLINKERS = SUPPORT_ROLES
REPORT_READERS: frozenset[str] = frozenset({*FINANCE_ROLES, Role.AUDITOR})
EXPORTERS = FINANCE_ROLES
