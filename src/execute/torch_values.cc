#include "execute/torch_values.h"

#include <limits>
#include <utility>

#include "base/error.h"

namespace drtriton {
namespace {

constexpr std::pair<DType, at::ScalarType> kTypes[] = {
    {DType::kBool, at::kBool},       {DType::kUInt8, at::kByte},      {DType::kInt8, at::kChar},
    {DType::kInt16, at::kShort},     {DType::kInt32, at::kInt},       {DType::kInt64, at::kLong},
    {DType::kFloat16, at::kHalf},    {DType::kBFloat16, at::kBFloat16}, {DType::kFloat32, at::kFloat},
    {DType::kFloat64, at::kDouble},  {DType::kComplex64, at::kComplexFloat}, {DType::kComplex128, at::kComplexDouble}};

at::Scalar ToScalar(const Attr& attr) {
  if (attr.Is<bool>()) return at::Scalar(attr.AsBool());
  if (attr.Is<int64_t>()) return at::Scalar(attr.AsInt());
  return at::Scalar(attr.AsDouble());
}

at::MemoryFormat ToMemoryFormat(const std::string& name) {
  if (name == "contiguous_format") return at::MemoryFormat::Contiguous;
  if (name == "channels_last") return at::MemoryFormat::ChannelsLast;
  if (name == "channels_last_3d") return at::MemoryFormat::ChannelsLast3d;
  return at::MemoryFormat::Preserve;
}

at::Tensor ToTensor(const Attr& attr, const AttributeContext& context) {
  if (attr.IsNone()) return at::Tensor();
  if (attr.IsValue()) return context.tensor(attr.AsValue());
  return at::scalar_tensor(ToScalar(attr), at::TensorOptions().dtype(ToScalar(attr).type()));
}

c10::IValue ToList(const AttrList& items, const c10::Type& element, const AttributeContext& context) {
  const c10::TypeKind kind = element.kind();
  if (kind == c10::TypeKind::OptionalType) {   // Tensor?[], the indices of aten.index
    c10::List<std::optional<at::Tensor>> list;
    for (const Attr& item : items) {
      if (item.IsNone()) list.push_back(std::nullopt);
      else list.push_back(ToTensor(item, context));
    }
    return list;
  }
  if (kind == c10::TypeKind::TensorType) {
    c10::List<at::Tensor> list;
    for (const Attr& item : items) list.push_back(ToTensor(item, context));
    return list;
  }
  if (kind == c10::TypeKind::FloatType) {
    c10::List<double> list;
    for (const Attr& item : items) list.push_back(item.AsDouble());
    return list;
  }
  if (kind == c10::TypeKind::BoolType) {
    c10::List<bool> list;
    for (const Attr& item : items) list.push_back(item.AsBool());
    return list;
  }
  if (kind == c10::TypeKind::NumberType) {
    c10::List<at::Scalar> list;
    for (const Attr& item : items) list.push_back(ToScalar(item));
    return c10::impl::toList(std::move(list));
  }
  c10::List<int64_t> list;
  for (const Attr& item : items) list.push_back(item.AsInt());
  return list;
}

// `int[2] stride=1`: one number stands for as many as the schema says.
c10::IValue Repeated(const Attr& attr, const c10::Argument& argument, const c10::Type& element, const AttributeContext& context) {
  const auto count = static_cast<size_t>(argument.N().value_or(1));
  return ToList(AttrList(count, attr), element, context);
}

c10::IValue ToTyped(const Attr& attr, const c10::Argument& argument, const c10::Type& type, const AttributeContext& context) {
  if (const auto* dtype = std::get_if<DType>(&attr.variant())) {
    const at::ScalarType torch_type = ToTorch(*dtype);
    return context.widen ? Widened(torch_type) : torch_type;
  }
  if (attr.Is<DeviceAttr>()) return context.device;
  if (attr.Is<LayoutAttr>()) return at::kStrided;
  if (const auto* format = std::get_if<MemoryFormatAttr>(&attr.variant())) return ToMemoryFormat(format->name);
  switch (type.kind()) {
    case c10::TypeKind::TensorType: return ToTensor(attr, context);
    case c10::TypeKind::FloatType:
    case c10::TypeKind::SymFloatType: return attr.AsDouble();
    case c10::TypeKind::IntType:
    case c10::TypeKind::SymIntType: return attr.AsInt();
    case c10::TypeKind::BoolType:
    case c10::TypeKind::SymBoolType: return attr.AsBool();
    case c10::TypeKind::NumberType: return ToScalar(attr);
    case c10::TypeKind::StringType: return attr.AsString();
    case c10::TypeKind::ListType: {
      const c10::Type& element = *type.castRaw<c10::ListType>()->getElementType();
      return attr.Is<AttrList>() ? ToList(attr.AsList(), element, context) : Repeated(attr, argument, element, context);
    }
    default: throw InternalError("its type " + type.str() + " is not supported");
  }
}

}  // namespace

at::ScalarType ToTorch(DType dtype) {
  for (const auto& [ours, theirs] : kTypes) {
    if (ours == dtype) return theirs;
  }
  throw InternalError("a dtype without a PyTorch type");
}

DType FromTorch(at::ScalarType type) {
  for (const auto& [ours, theirs] : kTypes) {
    if (theirs == type) return ours;
  }
  throw InternalError(std::string("PyTorch's type ") + c10::toString(type) + " has no dtype here");
}

at::ScalarType Widened(at::ScalarType type) {
  if (at::isFloatingType(type)) return at::kDouble;
  return at::isComplexType(type) ? at::kComplexDouble : type;
}

c10::IValue ToIValue(const Attr& attr, const c10::Argument& argument, const AttributeContext& context) {
  // real_type() tells ScalarType, Layout, MemoryFormat and SymInt from int; the boxed call takes all of them as int.
  const c10::Type* type = argument.type().get();
  if (type->kind() == c10::TypeKind::OptionalType) {
    if (attr.IsNone()) return c10::IValue();
    type = type->castRaw<c10::OptionalType>()->getElementType().get();
  }
  if (attr.IsNone()) return c10::IValue();
  try {
    return ToTyped(attr, argument, *type, context);
  } catch (const InternalError& error) {
    throw UserError("argument " + argument.name() + ": " + error.what());
  }
}

at::Tensor Wrap(const StoredTensor& stored) {
  const auto options = at::TensorOptions().dtype(ToTorch(stored.dtype));
  if (stored.bytes.empty()) return at::empty_strided(stored.shape, stored.strides, options);
  return at::from_blob(const_cast<std::byte*>(stored.bytes.data()), stored.shape, stored.strides, options);
}

at::Tensor ToStorage(const at::Tensor& tensor, const Shape& strides) {
  const Shape shape = tensor.sizes().vec();
  const int64_t extent = StorageExtent(shape, strides);
  if (extent == 0) return at::empty({0}, tensor.options());
  if (tensor.strides().equals(strides)) return tensor.as_strided({extent}, {1}).contiguous();
  at::Tensor storage = at::zeros({extent}, tensor.options());
  at::Tensor source = tensor;
  Shape sizes = shape;
  for (size_t i = 0; i < strides.size(); ++i) {   // an expanded dimension repeats one element
    if (strides[i] != 0 || sizes[i] <= 1) continue;
    source = source.narrow(static_cast<int64_t>(i), 0, 1);
    sizes[i] = 1;
  }
  storage.as_strided(sizes, strides).copy_(source);
  return storage;
}

at::Tensor WithStrides(const at::Tensor& tensor, const Shape& strides) {
  if (tensor.strides().equals(strides)) return tensor;
  return ToStorage(tensor, strides).as_strided(tensor.sizes(), strides);
}

StoredTensor ToStored(std::string name, const at::Tensor& storage, const Shape& shape, const Shape& strides) {
  const auto* bytes = static_cast<const std::byte*>(storage.data_ptr());
  return {std::move(name), FromTorch(storage.scalar_type()), shape, strides, {bytes, storage.nbytes()}};
}

double LargestFinite(DType dtype) {
  switch (dtype) {
    case DType::kFloat16: return 65504.0;
    case DType::kBFloat16: return 3.3895313892515355e38;
    case DType::kFloat64:
    case DType::kComplex128: return std::numeric_limits<double>::max();
    default: return std::numeric_limits<float>::max();
  }
}

}  // namespace drtriton
