"""What the desk answers to people, in Chinese, by code. A test compares the codes with those that are raised. Pure."""

from __future__ import annotations

from typing import Any

from schemas.errors import Refused

REFUSALS_ZH = {
    "not_found": "没有找到",
    "version_passed": "已有人先处理，请看最新状态",
    "action_not_allowed": "您的访问码不能进行此操作",
    "already_acknowledged": "已经签收过了",
    "nothing_to_acknowledge": "没有待处理的健康警报",
    "not_acknowledged": "请先签收",
    "not_registered": "请先登记",
    "already_registered": "已经登记过了",
    "not_observing": "该人员不在观察中",
    "not_longer": "观察期已不短于所填天数",
    "observation_not_over": "观察期未满，不能按期满解除",
    "observation_required": "该人员须医学观察，不能按无需观察解除",
    "health_alert_open": "卫健组尚未处理该人员的健康警报，不能解除",
    "not_turned_back": "该人员不是劝返人员",
    "released": "已经解除",
    "offer_open": "正在移交中，请先撤回",
    "no_offer": "没有移交，或移交已失效",
    "too_late_to_decline": "已在观察中或已解除，请改用移交",
    "nobody_above": "市级待核台没有上级可退",
    "nothing_to_undo": "已超过十秒，或没有可撤销的操作",
    "unit_unknown": "没有这个可移交的单元",
    "proxy_invalid": "不能由本人代答",
    "proxy_unknown": "没有找到代答人",
    "from_day_invalid": "观察起始日须在到达日与今天之间",
    "measured_at_invalid": "体温须为观察期内、二十四小时以内测得",
    "reveal_not_allowed": "只有责任单元可以查看完整信息",
    "identity_erased": "该日信息已按规定销毁",
    "body_too_large": "内容过大",
    "account_exists": "登录名已被使用，请换一个",
    "account_changed": "账号刚刚被他人修改，请重新登录",
    "login_wrong": "登录名或密码不对",
    "password_same": "新密码不能与现在的密码相同",
}


def told_refusal(error: Refused) -> dict[str, Any]:
    """A refusal as a part of an answer."""
    return {"status": error.status, "code": error.code, "detail": error.message, "detail_zh": REFUSALS_ZH[error.code]}
