// Losses.  `reduction` is 0 for none, 1 for the mean, 2 for the sum.
#include "templates/lower_ops.h"

namespace drtriton {
namespace {

void Loss(const OpCall& call, const Term& elementwise, size_t reduction) {
  int64_t kind = call.Int(reduction, 1);
  if (kind == 0) return call.Define(elementwise);
  std::vector<int64_t> dims = AllDims(elementwise);
  if (kind == 1) return call.Define(MeanOf(call, elementwise, dims, false, call.type()));
  call.Define(call.draft.Reduce("sum", elementwise, dims, false));
}

// 0.5 d^2 / beta below beta, d - beta / 2 above; huber multiplies by delta instead of dividing.
void SmoothLoss(const OpCall& call, bool huber) {
  Draft& draft = call.draft;
  DType type = call.type();
  double bend = call.Number(3, 1);
  Term distance = draft.Pointwise("abs", type, {draft.Pointwise("sub", type, {call.Tensor(0), call.Tensor(1)})});
  Term square = draft.Pointwise("mul", type, {draft.Pointwise("square", type, {distance}), call.Literal(huber ? 0.5 : 0.5 / bend, type)});
  Term line = draft.Pointwise("sub", type, {distance, call.Literal(0.5 * bend, type)});
  if (huber && bend != 1) line = draft.Pointwise("mul", type, {line, call.Literal(bend, type)});
  Term small = draft.Pointwise(huber ? "le" : "lt", DType::kBool, {distance, call.Literal(bend, type)}, type);
  Loss(call, draft.Where(small, square, line, type), 2);
}

void DifferenceLoss(const OpCall& call, const std::string& function) {
  Draft& draft = call.draft;
  Term difference = draft.Pointwise("sub", call.type(), {call.Tensor(0), call.Tensor(1)});
  Loss(call, draft.Pointwise(function, call.type(), {difference}), 2);
}

// A tensor argument as a term, or nothing.
std::optional<Term> Optional(const OpCall& call, size_t i) {
  if (!call.Given(i)) return std::nullopt;
  return call.Tensor(i);
}

// -(t log x + (1 - t) log(1 - x)), logarithms cut at -100 as PyTorch does.
void BinaryCrossEntropy(const OpCall& call) {
  Draft& draft = call.draft;
  DType type = call.type();
  Term x = draft.Cast(call.Tensor(0), type), target = draft.Cast(call.Tensor(1), type);
  auto op = [&](const char* function, const Term& a, const Term& b) { return draft.Pointwise(function, type, {a, b}); };
  Term low = call.Literal(-100, type), one = call.Literal(1, type);
  Term yes = op("maximum", draft.Pointwise("log", type, {x}), low);
  Term no = op("maximum", draft.Pointwise("log1p", type, {draft.Pointwise("neg", type, {x})}), low);
  Term loss = op("sub", op("mul", op("sub", target, one), no), op("mul", target, yes));
  if (auto weight = Optional(call, 2)) loss = op("mul", loss, *weight);
  Loss(call, loss, 3);
}

// (1 - t) x - log_sigmoid(x) (1 + (p - 1) t), p the weight of positive targets.
void BinaryCrossEntropyWithLogits(const OpCall& call) {
  Draft& draft = call.draft;
  DType type = call.type();
  Term x = draft.Cast(call.Tensor(0), type), target = draft.Cast(call.Tensor(1), type), one = call.Literal(1, type);
  auto op = [&](const char* function, const Term& a, const Term& b) { return draft.Pointwise(function, type, {a, b}); };
  Term log_sigmoid = draft.Pointwise("log_sigmoid", type, {x});
  if (auto positive = Optional(call, 3)) {
    log_sigmoid = op("mul", log_sigmoid, op("add", op("mul", op("sub", *positive, one), target), one));
  }
  Term loss = op("sub", op("mul", op("sub", one, target), x), log_sigmoid);
  if (auto weight = Optional(call, 2)) loss = op("mul", loss, *weight);
  Loss(call, loss, 4);
}

// t (log t - x), 0 where t is 0; with log_target exp(t) (t - x).
void Divergence(const OpCall& call) {
  Draft& draft = call.draft;
  DType type = call.type();
  Term x = draft.Cast(call.Tensor(0), type), target = draft.Cast(call.Tensor(1), type);
  auto op = [&](const char* function, const Term& a, const Term& b) { return draft.Pointwise(function, type, {a, b}); };
  if (call.Flag(3, false)) return Loss(call, op("mul", draft.Pointwise("exp", type, {target}), op("sub", target, x)), 2);
  Term zero = call.Literal(0, type);
  Term entropy = op("mul", target, draft.Pointwise("log", type, {target}));
  Term nothing = draft.Pointwise("eq", DType::kBool, {target, zero}, type);
  Loss(call, op("sub", draft.Where(nothing, zero, entropy, type), op("mul", target, x)), 2);
}

// What the losses over classes share: which target counts, and with which weight.
class ClassLoss {
 public:
  ClassLoss(const OpCall& call, const Term& scores, int64_t ignored)
      : call_(call), draft_(call.draft), type_(call.type()), scores_(scores), dim_(scores.rank() > 1 ? 1 : 0) {
    Term target = draft_.Cast(call.Tensor(1), DType::kInt64);
    counts_ = draft_.Pointwise("ne", DType::kBool, {target, draft_.Literal(Attr(ignored), DType::kInt64)}, DType::kInt64);
    target_ = draft_.Where(*counts_, target, draft_.Literal(Attr(0), DType::kInt64), DType::kInt64);
  }

  // `scores` at the target, without the dimension of classes.
  Term AtTarget(const Term& scores) {
    std::vector<AxisList> dims = scores.dims;
    dims.erase(dims.begin() + dim_);
    Term rest = scores, target = *target_;
    rest.dims = dims;
    for (int64_t dim = 0; dim < target.rank(); ++dim) draft_.Align(rest, target, dim);
    return draft_.Take(scores, {{dim_, {target, std::nullopt}}}, dims);
  }

  std::optional<Term> WeightAtTarget(const std::optional<Term>& weight) {
    if (!weight) return std::nullopt;
    return draft_.Take(draft_.Cast(*weight, type_), {{0, {*target_, std::nullopt}}}, target_->dims);
  }

  Term OnlyCounted(const Term& loss) { return draft_.Where(*counts_, loss, call_.Literal(0, type_), type_); }
  Term CountedAsNumber() { return draft_.Cast(*counts_, type_); }

 private:
  const OpCall& call_;
  Draft& draft_;
  DType type_;
  Term scores_;
  int64_t dim_;
  std::optional<Term> counts_, target_;
};

// The elementwise loss, its sum, or the sum over the sum of the weights.
void ReduceWeighted(const OpCall& call, const Term& loss, const Term& weight, size_t reduction) {
  Draft& draft = call.draft;
  int64_t kind = call.Int(reduction, 1);
  if (kind == 0) return call.Define(loss);
  Term sum = draft.Reduce("sum", loss, AllDims(loss), false);
  if (kind == 2) return call.Define(sum);
  draft.SetName("weight_sum");
  Term weights = draft.Reduce("sum", weight, AllDims(weight), false);
  call.Define(draft.Pointwise("div", call.type(), {sum, weights}));
}

void NegativeLogLikelihood(const OpCall& call) {
  Draft& draft = call.draft;
  DType type = call.type();
  Term scores = draft.Cast(call.Tensor(0), type);
  ClassLoss classes(call, scores, call.Int(4, -100));
  Term loss = draft.Pointwise("neg", type, {classes.AtTarget(scores)});
  std::optional<Term> weight = classes.WeightAtTarget(Optional(call, 2));
  if (weight) loss = draft.Pointwise("mul", type, {loss, *weight});
  Term counted = weight ? classes.OnlyCounted(*weight) : classes.CountedAsNumber();
  ReduceWeighted(call, classes.OnlyCounted(loss), counted, 3);
}

// Targets as probabilities: the mean over everything but the classes of -sum(weight t log p).
void CrossEntropyOfProbabilities(const OpCall& call, const Term& logs, int64_t dim) {
  Draft& draft = call.draft;
  DType type = call.type();
  double smoothing = call.Number(5, 0), classes = static_cast<double>(draft.Size(logs, dim));
  Term target = draft.Cast(call.Tensor(1), type);
  auto op = [&](const char* function, const Term& a, const Term& b) { return draft.Pointwise(function, type, {a, b}); };
  if (smoothing != 0) {
    target = op("add", op("mul", target, call.Literal(1 - smoothing, type)), call.Literal(smoothing / classes, type));
  }
  Term product = op("mul", logs, target);
  if (auto weight = Optional(call, 2)) {
    Term shaped = *weight;
    for (int64_t i = dim + 1; i < logs.rank(); ++i) shaped = draft.Unsqueeze(shaped, shaped.rank());
    product = op("mul", product, shaped);
  }
  int64_t kind = call.Int(3, 1);
  std::vector<int64_t> over = kind == 0 ? std::vector<int64_t>{dim} : AllDims(product);
  Term loss = draft.Pointwise("neg", type, {draft.Reduce("sum", product, over, false)});
  if (kind == 1) loss = op("div", loss, call.Literal(static_cast<double>(ElementCount(draft.ShapeOf(logs))) / classes, type));
  call.Define(loss);
}

// Classes as targets.  Smoothing mixes in the mean of all classes' losses.
void CrossEntropy(const OpCall& call) {
  Draft& draft = call.draft;
  DType type = RegisterType(call.type());
  Term x = call.Tensor(0);
  int64_t dim = x.rank() > 1 ? 1 : 0;
  Term logs = LogSoftmaxOf(call, x, dim, type);
  if (IsFloating(call.Tensor(1).dtype)) return CrossEntropyOfProbabilities(call, logs, dim);
  double smoothing = call.Number(5, 0), count = static_cast<double>(draft.Size(x, dim));
  auto op = [&](const char* function, const Term& a, const Term& b) { return draft.Pointwise(function, type, {a, b}); };
  ClassLoss classes(call, logs, call.Int(4, -100));
  draft.SetName("of_target");
  Term loss = draft.Pointwise("neg", type, {classes.AtTarget(logs)});
  std::optional<Term> weights = Optional(call, 2), weight = classes.WeightAtTarget(weights);
  if (weight) loss = op("mul", loss, *weight);
  if (smoothing != 0) {
    Term weighted = logs;
    if (weights) {
      Term shaped = *weights;
      for (int64_t i = dim + 1; i < logs.rank(); ++i) shaped = draft.Unsqueeze(shaped, shaped.rank());
      weighted = op("mul", logs, shaped);
    }
    draft.SetName("of_all");
    Term all = draft.Pointwise("neg", type, {draft.Reduce("sum", weighted, {dim}, false)});
    loss = op("add", op("mul", loss, call.Literal(1 - smoothing, type)), op("mul", all, call.Literal(smoothing / count, type)));
  }
  Term counted = weight ? classes.OnlyCounted(*weight) : classes.CountedAsNumber();
  draft.SetName("loss");
  ReduceWeighted(call, classes.OnlyCounted(loss), counted, 3);
}

// ---- Losses of targets that are 1 or -1, and of vectors

Term Positive(const OpCall& call, const Term& x) { return call.draft.Pointwise("maximum", x.dtype, {x, call.Literal(0, x.dtype)}); }

// Where the target is 1, `same`, where it is -1, `other`, else 0.
Term BySign(const OpCall& call, const Term& target, const Term& same, const Term& other, DType type) {
  Draft& draft = call.draft;
  auto is = [&](double sign) { return draft.Pointwise("eq", DType::kBool, {target, call.Literal(sign, type)}, type); };
  Term zero = call.Literal(0, type);
  return draft.Pointwise("add", type, {draft.Where(is(1), same, zero, type), draft.Where(is(-1), other, zero, type)});
}

void SoftMargin(const OpCall& call) {
  Draft& draft = call.draft;
  DType type = call.type();
  Term product = draft.Pointwise("mul", type, {call.Tensor(1), call.Tensor(0)});
  Term exponential = draft.Pointwise("exp", type, {draft.Pointwise("neg", type, {product})});
  Loss(call, draft.Pointwise("log1p", type, {exponential}), 2);
}

void HingeEmbedding(const OpCall& call) {
  Draft& draft = call.draft;
  DType type = call.type();
  Term x = draft.Cast(call.Tensor(0), type);
  Term short_of = Positive(call, draft.Pointwise("sub", type, {call.Literal(call.Number(2, 1), type), x}));
  Loss(call, BySign(call, call.Tensor(1), x, short_of, type), 3);
}

void MarginRanking(const OpCall& call) {
  Draft& draft = call.draft;
  DType type = call.type();
  Term difference = draft.Pointwise("sub", type, {call.Tensor(0), call.Tensor(1)});
  Term against = draft.Pointwise("mul", type, {draft.Pointwise("neg", type, {call.Tensor(2)}), difference});
  Loss(call, Positive(call, draft.Pointwise("add", type, {against, call.Literal(call.Number(3, 0), type)})), 4);
}

// x.y / (max(|x|, eps) max(|y|, eps)) over a dimension
void CosineSimilarity(const OpCall& call) {
  Draft& draft = call.draft;
  DType type = call.type();
  Term x = draft.Cast(call.Tensor(0), type), y = draft.Cast(call.Tensor(1), type);
  Term product = draft.Pointwise("mul", type, {x, y});
  std::vector<int64_t> dims = {WrapDim(call.Int(2, 1), product.rank())};
  Shape shape = draft.ShapeOf(product);
  auto length = [&](const Term& term) {
    Term squares = draft.Reduce("sum", draft.Pointwise("square", type, {draft.Expand(term, shape)}), dims, false);
    return draft.Pointwise("maximum", type, {draft.Pointwise("sqrt", type, {squares}), call.Literal(call.Number(3, 1e-8), type)});
  };
  Term lengths = draft.Pointwise("mul", type, {length(x), length(y)});
  call.Define(draft.Pointwise("div", type, {draft.Reduce("sum", product, dims, false), lengths}));
}

void CosineEmbedding(const OpCall& call) {
  Draft& draft = call.draft;
  DType type = call.type();
  Term x = draft.Cast(call.Tensor(0), type), y = draft.Cast(call.Tensor(1), type);
  auto sum = [&](const Term& a, const Term& b) {
    Term product = draft.Pointwise("mul", type, {a, b});
    return draft.Reduce("sum", product, {product.rank() - 1}, false);
  };
  auto number = [&](const char* function, const Term& a, double b) { return draft.Pointwise(function, type, {a, call.Literal(b, type)}); };
  constexpr double kEpsilon = 1e-12;   // PyTorch's
  Term lengths = draft.Pointwise("mul", type, {number("add", sum(x, x), kEpsilon), number("add", sum(y, y), kEpsilon)});
  Term cosine = draft.Pointwise("div", type, {sum(x, y), draft.Pointwise("sqrt", type, {lengths})});
  Term apart = draft.Pointwise("sub", type, {call.Literal(1, type), cosine});
  Term close = Positive(call, number("sub", cosine, call.Number(3, 0)));
  Loss(call, BySign(call, call.Tensor(2), apart, close, type), 4);
}

}  // namespace

void LowerLosses(HandlerTable& table) {
  table["aten.mse_loss.default"] = [](const OpCall& call) { DifferenceLoss(call, "square"); };
  table["aten.l1_loss.default"] = [](const OpCall& call) { DifferenceLoss(call, "abs"); };
  table["aten.smooth_l1_loss.default"] = [](const OpCall& call) { SmoothLoss(call, false); };
  table["aten.huber_loss.default"] = [](const OpCall& call) { SmoothLoss(call, true); };
  table["aten.soft_margin_loss.default"] = SoftMargin;
  table["aten.hinge_embedding_loss.default"] = HingeEmbedding;
  table["aten.margin_ranking_loss.default"] = MarginRanking;
  table["aten.cosine_similarity.default"] = CosineSimilarity;
  table["aten.cosine_embedding_loss.default"] = CosineEmbedding;
  table["aten.binary_cross_entropy.default"] = BinaryCrossEntropy;
  table["aten.binary_cross_entropy_with_logits.default"] = BinaryCrossEntropyWithLogits;
  table["aten.kl_div.default"] = Divergence;
  table["aten.nll_loss_nd.default"] = NegativeLogLikelihood;
  table["aten.cross_entropy_loss.default"] = CrossEntropy;
}

}  // namespace drtriton
