// subjects.ts — the kinds of objects that the audit log knows
import { t, type Key } from "../../i18n";

export const subjects = ["user", "token", "channel", "redemption", "option", "limit", "log"] as const;

export const subjectName = (name: string): string => (subjects as readonly string[]).includes(name) ? t(`audit.subject.${name}` as Key) : name || t("audit.other");
