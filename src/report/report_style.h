// The report's style sheet: light and dark, one column, nothing from elsewhere.
#ifndef DRTRITON_REPORT_REPORT_STYLE_H_
#define DRTRITON_REPORT_REPORT_STYLE_H_

namespace drtriton {

inline constexpr const char* kReportStyle = R"(
:root{color-scheme:light dark;--ink:#1b1f24;--soft:#57616c;--paper:#fff;--card:#f6f8fa;--line:#d8dee4;--ours:#0b7a4b;--ours-bg:#e3f5ec;--torch-bg:#eceff3;--bad:#a12a1e;--bad-bg:#fcebe8;--s:#0a5c8a;--k:#8a2a6b;--m:#8a5a00}
@media(prefers-color-scheme:dark){:root{--ink:#e6edf3;--soft:#9aa7b4;--paper:#0f1419;--card:#171e26;--line:#303b46;--ours:#4fd39a;--ours-bg:#12352a;--torch-bg:#232d38;--bad:#ff9a8c;--bad-bg:#3a1a16;--s:#8ac7f0;--k:#f29ad0;--m:#f0c26a}}
*{box-sizing:border-box}
body{margin:0 auto;max-width:62rem;padding:1rem;background:var(--paper);color:var(--ink);font:16px/1.5 system-ui,sans-serif;overflow-wrap:break-word}
h1{font-size:1.6rem;margin:.2rem 0 .6rem}h2{font-size:1.2rem;margin:2.2rem 0 .5rem}h3{font-size:1.05rem;margin:.6rem 0 .2rem}
p{margin:.4rem 0}
.outcome{font-size:1.05rem;padding:.7rem .9rem;border-radius:8px;background:var(--bad-bg)}
.outcome.good{background:var(--ours-bg)}
.soft{color:var(--soft);font-size:.9rem}
td .bad{color:var(--bad)}td .good{color:var(--ours)}
.scroll{overflow-x:auto}
table{border-collapse:collapse;font-size:.9rem;margin:.4rem 0}
th{font-weight:600;color:var(--soft)}
th,td{text-align:left;padding:.25rem .9rem .25rem 0;border-bottom:1px solid var(--line);vertical-align:top}
td:last-child,th:last-child{padding-right:0}
td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}td.n{white-space:nowrap}
code,pre{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,monospace}code{font-size:.88em}
.bar{display:inline-block;height:.6rem;border-radius:2px;background:var(--soft);opacity:.55;min-width:2px}.bar.ours{background:var(--ours);opacity:1}
.why{min-width:14rem}
td.b{width:30%;min-width:5rem}
dl{display:grid;grid-template-columns:repeat(auto-fill,minmax(8rem,1fr));gap:.5rem 1rem;margin:.7rem 0}
dt{color:var(--soft);font-size:.8rem}dd{margin:0;font-variant-numeric:tabular-nums}
section.kernel{background:var(--card);border:1px solid var(--line);border-radius:8px;padding:.3rem 1rem .8rem;margin:1rem 0;scroll-margin-top:.5rem}
section.kernel:target{border-color:var(--ours)}
.chips{display:flex;flex-wrap:wrap;gap:.3rem}.chips span{background:var(--torch-bg);border-radius:4px;padding:0 .45rem;font-size:.85rem}
pre{overflow-x:auto;font-size:13px;line-height:1.45;background:var(--paper);border:1px solid var(--line);border-radius:6px;padding:.7rem;margin:.4rem 0}
pre i{font-style:normal}pre .c{color:var(--soft)}pre .s{color:var(--s)}pre .k{color:var(--k)}pre .m{color:var(--m)}pre .d{color:var(--ours)}
summary{cursor:pointer;padding:.15rem 0}
svg{max-width:100%;height:auto;display:block}
svg text{font:11px system-ui,sans-serif;fill:var(--ink)}svg text.name{font-weight:600}svg .note,svg .plain{font-size:10.5px}svg .note{text-anchor:end;font-weight:600}
.graph rect.box{fill:var(--torch-bg);stroke:var(--line)}.graph .ours rect.box{fill:var(--ours-bg);stroke:var(--ours)}
.graph .view rect.box,.graph .ends rect.box{fill:none}.graph .view rect.box{stroke-dasharray:3 3;stroke:var(--soft)}.graph .view .name,.graph .ends .name{font-weight:400}
.graph rect.share{fill:var(--ours)}.graph a:hover rect.box{stroke-width:2}
.graph path{fill:none;stroke:var(--soft);stroke-width:1.1}
.roofline .grid{stroke:var(--line)}.roofline .roof{stroke:var(--soft);stroke-width:1.6}.roofline circle{fill:var(--ours);stroke:var(--paper)}
.roofline .headroom{stroke:var(--ours);stroke-dasharray:2 3}.roofline .leader{stroke:var(--line)}
.roofline .tick,.roofline .limit{fill:var(--soft)}.roofline .label{font-weight:600}
a{color:var(--ours)}
@media(max-width:34rem){table{font-size:.82rem}th,td{padding-right:.55rem}.b{display:none}}
@media print{details{display:block}.scroll,pre{overflow:visible;white-space:pre-wrap}}
)";

}  // namespace drtriton

#endif  // DRTRITON_REPORT_REPORT_STYLE_H_
