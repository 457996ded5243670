// Python source as HTML that is easy to read: comments, strings, keywords, numbers and decorators are marked.
#ifndef DRTRITON_REPORT_PYTHON_HTML_H_
#define DRTRITON_REPORT_PYTHON_HTML_H_

#include <string>
#include <string_view>

namespace drtriton {

// Escaped text; taking the tags out gives the source back.  Source that is not Python is shown too, only less well.
std::string PythonHtml(std::string_view source);

}  // namespace drtriton

#endif  // DRTRITON_REPORT_PYTHON_HTML_H_
