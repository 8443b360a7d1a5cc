package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

func schemaOf(words map[string]any) (*tfprotov6.Schema, error) {
	block, err := blockOf(words)
	return &tfprotov6.Schema{Block: block}, err
}

func blockOf(words map[string]any) (*tfprotov6.SchemaBlock, error) {
	block := &tfprotov6.SchemaBlock{}
	for _, name := range slices.Sorted(maps.Keys(words)) {
		switch said := words[name].(type) {
		case string:
			attribute, err := attributeOf(name, said)
			if err != nil {
				return nil, err
			}
			block.Attributes = append(block.Attributes, attribute)
		case map[string]any:
			nested, err := nestedOf(name, said)
			if err != nil {
				return nil, err
			}
			block.BlockTypes = append(block.BlockTypes, nested)
		default:
			return nil, fmt.Errorf("%s is neither words nor a block", name)
		}
	}
	return block, nil
}

var nestings = map[string]tfprotov6.SchemaNestedBlockNestingMode{
	"list":   tfprotov6.SchemaNestedBlockNestingModeList,
	"set":    tfprotov6.SchemaNestedBlockNestingModeSet,
	"single": tfprotov6.SchemaNestedBlockNestingModeSingle,
}

func nestedOf(name string, said map[string]any) (*tfprotov6.SchemaNestedBlock, error) {
	of, _ := said["of"].(map[string]any)
	block, err := blockOf(of)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	kind, _ := said["block"].(string)
	nesting, ok := nestings[kind]
	if !ok {
		return nil, fmt.Errorf("%s: unknown nesting %q", name, kind)
	}
	least, _ := said["min"].(float64)
	most, _ := said["max"].(float64)
	return &tfprotov6.SchemaNestedBlock{TypeName: name, Block: block, Nesting: nesting, MinItems: int64(least), MaxItems: int64(most)}, nil
}

// attributeOf reads words such as `list(string) optional computed`.
func attributeOf(name, said string) (*tfprotov6.SchemaAttribute, error) {
	words := strings.Fields(said)
	kind, err := typeOf(words[0])
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	attribute := &tfprotov6.SchemaAttribute{Name: name, Type: kind}
	for _, word := range words[1:] {
		switch word {
		case "required":
			attribute.Required = true
		case "optional":
			attribute.Optional = true
		case "computed":
			attribute.Computed = true
		case "sensitive":
			attribute.Sensitive = true
		case "deprecated":
			attribute.Deprecated = true
		default:
			return nil, fmt.Errorf("%s: unknown word %q", name, word)
		}
	}
	return attribute, nil
}

// typeOf knows `string`, `list(string)`, `map(string)` and `list(object(id:string,name:string))`.
func typeOf(word string) (tftypes.Type, error) {
	switch word {
	case "string":
		return tftypes.String, nil
	case "number":
		return tftypes.Number, nil
	case "bool":
		return tftypes.Bool, nil
	}
	outer, inner, found := strings.Cut(strings.TrimSuffix(word, ")"), "(")
	if !found {
		return nil, fmt.Errorf("unknown type %q", word)
	}
	if outer == "object" {
		fields := map[string]tftypes.Type{}
		for _, field := range strings.Split(inner, ",") {
			name, kind, _ := strings.Cut(field, ":")
			of, err := typeOf(kind)
			if err != nil {
				return nil, err
			}
			fields[name] = of
		}
		return tftypes.Object{AttributeTypes: fields}, nil
	}
	of, err := typeOf(inner)
	if err != nil {
		return nil, err
	}
	switch outer {
	case "list":
		return tftypes.List{ElementType: of}, nil
	case "set":
		return tftypes.Set{ElementType: of}, nil
	case "map":
		return tftypes.Map{ElementType: of}, nil
	}
	return nil, fmt.Errorf("unknown type %q", word)
}
