package main

import (
	"crypto/sha256"
	"fmt"
	"math/big"
	"strconv"
	"strings"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

// filler gives what the provider decides a value of the real form.
type filler struct {
	provider string
	order    *change
	number   int
	held     *contents
}

func (f *filler) fill(block *tfprotov6.SchemaBlock, value tftypes.Value) tftypes.Value {
	if value.IsNull() || !value.IsKnown() {
		return value
	}
	fields := fieldsOf(value)
	for _, attribute := range block.Attributes {
		if !fields[attribute.Name].IsKnown() || f.renews(attribute.Name) {
			fields[attribute.Name] = f.value(attribute)
		}
	}
	for _, nested := range block.BlockTypes {
		fields[nested.TypeName] = each(fields[nested.TypeName], nested.Nesting, func(element tftypes.Value) tftypes.Value {
			return f.fill(nested.Block, element)
		})
	}
	return tftypes.NewValue(value.Type(), fields)
}

// renews says what is given anew without having been planned, as providers of the old kind may.
func (f *filler) renews(name string) bool {
	return f.order.kind == "rancher2_bootstrap" && name == "token" && f.order.prior != nil && f.order.wanted["token_update"] == true
}

func (f *filler) value(attribute *tfprotov6.SchemaAttribute) tftypes.Value {
	decided := f.cloud(attribute.Name)
	if f.provider == "rancher2" {
		decided = f.rancher(attribute.Name)
	}
	// Ids are numbers in some types; an address is never meant where a number is.
	if text, ok := decided.(string); ok && attribute.Type.Is(tftypes.Number) {
		decided = nil
		if number, err := strconv.ParseFloat(text, 64); err == nil {
			decided = number
		}
	}
	if decided != nil {
		value, err := typed(attribute.Type, decided)
		if err != nil {
			panic(fmt.Sprintf("%s.%s: %v", f.order.kind, attribute.Name, err))
		}
		return value
	}
	switch kind := attribute.Type; {
	case kind.Is(tftypes.String):
		return tftypes.NewValue(kind, "")
	case kind.Is(tftypes.Number):
		return tftypes.NewValue(kind, big.NewFloat(0))
	case kind.Is(tftypes.Bool):
		return tftypes.NewValue(kind, false)
	case kind.Is(tftypes.Map{}):
		return tftypes.NewValue(kind, map[string]tftypes.Value{})
	default:
		return tftypes.NewValue(kind, []tftypes.Value{})
	}
}

const letters = "bcdfghjklmnpqrstvwxz2456789"

// word is random in looks only: the same number and salt give the same one.
func (f *filler) word(salt string, length int) string {
	sum := sha256.Sum256([]byte(fmt.Sprint(f.number, salt)))
	var text strings.Builder
	for index := range length {
		text.WriteByte(letters[int(sum[index%len(sum)])%len(letters)])
	}
	return text.String()
}

func (f *filler) wanted(name string) string { return textOf(f.order.wanted[name]) }
