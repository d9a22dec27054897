"""The district's indicators, each declared once: the API, the league, the docs and the figures follow from these.

After public implementations of GB/T 30428's evaluation; its own text could not be read, so no conformity is
claimed. "Due" means done in the period, or to be done in it and still not done.
"""

from qipan.tenancy.indicators.formula import Indicator, Sum, Unit
from qipan.tenancy.words import Words

THREE_RATES = "the complaint hotlines' three rates (接诉即办)"

_DUE = Sum(("disposed", "overdue_pending"))
_DUE_FOR_CLOSURE = Sum(("closed", "closure_pending"))
_VALID = Sum(("received",), minus=("declined",))

INDICATORS: tuple[Indicator, ...] = (
    Indicator(
        "disposal",
        Words("处置率", "Disposal rate"),
        Sum(("disposed",)),
        _DUE,
        Words("已处置 ÷ 应处置", "disposed of ÷ due for disposal"),
    ),
    Indicator(
        "on_time_disposal",
        Words("按期处置率", "On-time disposal rate"),
        Sum(("on_time",)),
        _DUE,
        Words("按期处置 ÷ 应处置", "disposed of by the case's own deadline ÷ due for disposal"),
    ),
    Indicator(
        "overdue_pending",
        Words("超期未处置率", "Overdue pending rate"),
        Sum(("overdue_pending",)),
        _DUE,
        Words("超期未处置 ÷ 应处置", "overdue and not disposed of ÷ due for disposal"),
        less_is_better=True,
    ),
    Indicator(
        "closure",
        Words("结案率", "Closure rate"),
        Sum(("closed",)),
        _DUE_FOR_CLOSURE,
        Words("已结案 ÷ 应结案", "closed ÷ due for closure"),
    ),
    Indicator(
        "on_time_closure",
        Words("按期结案率", "On-time closure rate"),
        Sum(("closed_on_time",)),
        _DUE_FOR_CLOSURE,
        Words("按期结案 ÷ 应结案", "closed in time ÷ due for closure"),
    ),
    Indicator(
        "overdue_closure",
        Words("超期结案率", "Overdue closure rate"),
        Sum(("closed",), minus=("closed_on_time",)),
        _DUE_FOR_CLOSURE,
        Words("超期结案 ÷ 应结案", "closed after the time ÷ due for closure"),
        less_is_better=True,
    ),
    Indicator(
        "rework",
        Words("返工率", "Rework rate"),
        Sum(("closed_reworked", "rework_pending")),
        _DUE_FOR_CLOSURE,
        Words("返工 ÷ 应结案", "reworked ÷ due for closure"),
        less_is_better=True,
    ),
    Indicator(
        "extension",
        Words("延期率", "Extension rate"),
        Sum(("extended_disposed", "extended_pending")),
        _DUE,
        Words("延期 ÷ 应处置", "due after an extension was approved ÷ due for disposal"),
        less_is_better=True,
    ),
    Indicator(
        "disposal_work_minutes",
        Words("平均处置工作时长", "Working time to disposal, mean"),
        Sum(("work_minutes",)),
        Sum(("disposed",)),
        Words(
            "立案至处置的工作分钟 ÷ 已处置", "minutes of working time from filing to disposal ÷ disposed of"
        ),
        Unit.WORK_MINUTES,
        "this project",
        less_is_better=True,
    ),
    Indicator(
        "filing",
        Words("立案率", "Filing rate"),
        Sum(("for_filing",)),
        _VALID,
        Words("立案 ÷ 有效上报", "reports to be filed ÷ valid reports"),
    ),
    Indicator(
        "on_time_accurate_filing",
        Words("按期准确立案率", "On-time and accurate filing rate"),
        Sum(("filed_well",)),
        Sum(("filed",)),
        Words("按期准确立案 ÷ 立案", "filed within the acceptor's time, and not voided since ÷ filed"),
    ),
    Indicator(
        "on_time_accurate_dispatch",
        Words("按期准确派遣率", "On-time and accurate dispatch rate"),
        Sum(("dispatched_well",)),
        Sum(("dispatched", "dispatch_pending")),
        Words(
            "按期准确派遣 ÷ 应派遣",
            "dispatched in time, and not given back with good reason ÷ due for dispatch",
        ),
    ),
    Indicator(
        "on_time_inspection",
        Words("按期核查率", "On-time inspection rate"),
        Sum(("inspected_on_time",)),
        Sum(("inspected", "inspection_pending")),
        Words("按期核查 ÷ 应核查", "inspected in time ÷ due for inspection"),
    ),
    Indicator(
        "valid_report",
        Words("有效上报率", "Valid report rate"),
        _VALID,
        Sum(("received",)),
        Words("有效上报 ÷ 上报", "valid reports ÷ reports"),
    ),
    Indicator(
        "on_time_verification",
        Words("按期核实率", "On-time verification rate"),
        Sum(("verified_on_time",)),
        Sum(("verified",)),
        Words(
            "按期核实 ÷ 应核实",
            "reports that a grid worker looked at in time ÷ those that one was asked to look at and did, or let the "
            "time run out",
        ),
    ),
    Indicator(
        "self_disposal",
        Words("自处置率", "Self-disposal rate"),
        Sum(("self_disposed",)),
        _VALID,
        Words("自处置 ÷ 有效上报", "reports settled on the spot ÷ valid reports"),
        source="this project",
    ),
    Indicator(
        "returned",
        Words("退件率", "Return rate"),
        Sum(("returns",)),
        Sum(("offers",)),
        Words("退件 ÷ 派遣", "returns ÷ offers"),
        Unit.RATIO,
        less_is_better=True,
    ),
    Indicator(
        "buck_passing",
        Words("推诿率", "Buck-passing rate"),
        Sum(("unjustified",)),
        Sum(("offers",)),
        Words("不当退件 ÷ 派遣", "unjustified returns ÷ offers"),
        Unit.RATIO,
        less_is_better=True,
    ),
    Indicator(
        "callback_response",
        Words("回访响应率", "Callback response rate"),
        Sum(("contacted_on_time",)),
        Sum(("closed",)),
        Words("按期回访 ÷ 结案", "closed cases whose reporters a callback reached in time ÷ closed"),
        source=THREE_RATES,
    ),
    Indicator(
        "callback_resolution",
        Words("回访解决率", "Callback resolution rate"),
        Sum(("resolved",)),
        Sum(("contacted",)),
        Words("解决 ÷ 有效回访", "resolved, as the reporter says ÷ reached by a callback"),
        source=THREE_RATES,
    ),
    Indicator(
        "callback_satisfaction",
        Words("回访满意率", "Callback satisfaction rate"),
        Sum(("content",)),
        Sum(("contacted",)),
        Words("满意 ÷ 有效回访", "content, as the reporter says ÷ reached by a callback"),
        source=THREE_RATES,
    ),
    Indicator(
        "satisfaction",
        Words("满意率", "Satisfaction rate"),
        Sum(("satisfied",)),
        Sum(("rated",)),
        Words("满意评价 ÷ 评价", "rated 3 to 5 ÷ rated"),
        source=THREE_RATES,
    ),
)
