package main

import (
	"fmt"
	"math/big"

	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

// plain turns a known value into what JSON holds. Unknown ones become nil.
func plain(value tftypes.Value) any {
	if !value.IsKnown() || value.IsNull() {
		return nil
	}
	switch kind := value.Type(); {
	case kind.Is(tftypes.String):
		var text string
		mustAs(value, &text)
		return text
	case kind.Is(tftypes.Bool):
		var is bool
		mustAs(value, &is)
		return is
	case kind.Is(tftypes.Number):
		number := new(big.Float)
		mustAs(value, number)
		small, _ := number.Float64()
		return small
	case kind.Is(tftypes.List{}), kind.Is(tftypes.Set{}), kind.Is(tftypes.Tuple{}):
		var elements []tftypes.Value
		mustAs(value, &elements)
		all := make([]any, 0, len(elements))
		for _, element := range elements {
			all = append(all, plain(element))
		}
		return all
	default:
		elements := map[string]tftypes.Value{}
		mustAs(value, &elements)
		all := map[string]any{}
		for name, element := range elements {
			all[name] = plain(element)
		}
		return all
	}
}

func mustAs(value tftypes.Value, into any) {
	if err := value.As(into); err != nil {
		panic(err)
	}
}

// typed is the reverse of plain. What the type has and the JSON has not is null.
func typed(kind tftypes.Type, held any) (tftypes.Value, error) {
	if held == nil {
		return tftypes.NewValue(kind, nil), nil
	}
	switch of := kind.(type) {
	case tftypes.Object:
		fields, ok := held.(map[string]any)
		if !ok {
			return tftypes.Value{}, fmt.Errorf("want an object, have %T", held)
		}
		all := map[string]tftypes.Value{}
		for name, inner := range of.AttributeTypes {
			value, err := typed(inner, fields[name])
			if err != nil {
				return value, fmt.Errorf("%s: %w", name, err)
			}
			all[name] = value
		}
		return tftypes.NewValue(kind, all), nil
	case tftypes.Map:
		fields, _ := held.(map[string]any)
		all := map[string]tftypes.Value{}
		for name, inner := range fields {
			value, err := typed(of.ElementType, inner)
			if err != nil {
				return value, err
			}
			all[name] = value
		}
		return tftypes.NewValue(kind, all), nil
	case tftypes.List:
		return typedList(kind, of.ElementType, held)
	case tftypes.Set:
		return typedList(kind, of.ElementType, held)
	}
	if number, ok := held.(float64); ok && kind.Is(tftypes.Number) {
		return tftypes.NewValue(kind, big.NewFloat(number)), nil
	}
	return tftypes.NewValue(kind, held), nil
}

func typedList(kind, element tftypes.Type, held any) (tftypes.Value, error) {
	items, ok := held.([]any)
	if !ok {
		return tftypes.Value{}, fmt.Errorf("want a list, have %T", held)
	}
	all := make([]tftypes.Value, 0, len(items))
	for _, item := range items {
		value, err := typed(element, item)
		if err != nil {
			return value, err
		}
		all = append(all, value)
	}
	return tftypes.NewValue(kind, all), nil
}

// textOf is how an attribute looks in a message or an id.
func textOf(held any) string {
	switch value := held.(type) {
	case nil:
		return ""
	case string:
		return value
	case float64:
		return big.NewFloat(value).Text('f', -1)
	default:
		return fmt.Sprint(value)
	}
}

// at collects the values of a path such as `network.network_id`, through lists.
func at(held any, path []string) []any {
	if items, ok := held.([]any); ok {
		var all []any
		for _, item := range items {
			all = append(all, at(item, path)...)
		}
		return all
	}
	if len(path) == 0 {
		if held == nil {
			return nil
		}
		return []any{held}
	}
	fields, ok := held.(map[string]any)
	if !ok {
		return nil
	}
	return at(fields[path[0]], path[1:])
}
