"""Whether the daily backup is made in time, for `bongsu doctor`."""

from collections.abc import Iterator
from datetime import datetime

from bongsu.core.figures import kst_text
from bongsu.core.tradingday import KST
from bongsu.errors import SettingsInvalid
from bongsu.ops.language import say
from bongsu.ops.patient import Finding, Patient, verdict
from bongsu.ops.status import last_backup


def backup(patient: Patient) -> Iterator[Finding]:
    if isinstance(patient.settings, SettingsInvalid):
        yield Finding("backup", "unknown", say("설정부터 고쳐야 합니다", "the settings come first"))
        return
    if patient.settings.backup_keep_days == 0:
        off = say("매일 백업을 껐습니다 (BACKUP_KEEP_DAYS=0)", "no daily backups (BACKUP_KEEP_DAYS=0)")
        yield Finding("backup", "ok", off)
        return
    due = patient.metric("backup_due_timestamp_seconds")
    if due is None:
        unknown = say("언제까지 백업해야 하는지 모릅니다", "nobody knows when the next one is due")
        yield Finding("backup", "unknown", unknown, "bongsu logs backend")
        return
    until = datetime.fromtimestamp(float(due), KST)
    detail = f"{last_backup(patient.status['backup'])}{say(', 다음 것의 시한 ', ', next one due by ')}{kst_text(until)}"
    repair = "bongsu logs backend · bongsu db backup · docs/runbooks/BackupMissed.md"
    yield verdict("backup", detail, repair, ok=datetime.now(KST) <= until, otherwise="warn")
