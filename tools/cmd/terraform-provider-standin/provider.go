package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

// standin answers for one recorded provider. What it does not offer (functions, ephemeral resources) is never asked
// for: the embedded interface is there for their names only.
type standin struct {
	tfprotov6.ProviderServer
	recorded *recorded
	store    store
}

// name is `hcloud` or `rancher2`.
func (s *standin) name() string { return path.Base(s.recorded.Address) }

func (s *standin) GetMetadata(context.Context, *tfprotov6.GetMetadataRequest) (*tfprotov6.GetMetadataResponse, error) {
	answer := &tfprotov6.GetMetadataResponse{ServerCapabilities: &tfprotov6.ServerCapabilities{}}
	for name := range s.recorded.resources {
		answer.Resources = append(answer.Resources, tfprotov6.ResourceMetadata{TypeName: name})
	}
	for name := range s.recorded.data {
		answer.DataSources = append(answer.DataSources, tfprotov6.DataSourceMetadata{TypeName: name})
	}
	return answer, nil
}

func (s *standin) GetProviderSchema(context.Context, *tfprotov6.GetProviderSchemaRequest) (*tfprotov6.GetProviderSchemaResponse, error) {
	return &tfprotov6.GetProviderSchemaResponse{
		ServerCapabilities: &tfprotov6.ServerCapabilities{},
		Provider:           s.recorded.provider,
		ResourceSchemas:    s.recorded.resources,
		DataSourceSchemas:  s.recorded.data,
	}, nil
}

func (s *standin) GetResourceIdentitySchemas(context.Context, *tfprotov6.GetResourceIdentitySchemasRequest) (*tfprotov6.GetResourceIdentitySchemasResponse, error) {
	return &tfprotov6.GetResourceIdentitySchemasResponse{}, nil
}

func (s *standin) GetFunctions(context.Context, *tfprotov6.GetFunctionsRequest) (*tfprotov6.GetFunctionsResponse, error) {
	return &tfprotov6.GetFunctionsResponse{}, nil
}

func (s *standin) ValidateProviderConfig(_ context.Context, req *tfprotov6.ValidateProviderConfigRequest) (*tfprotov6.ValidateProviderConfigResponse, error) {
	return &tfprotov6.ValidateProviderConfigResponse{PreparedConfig: req.Config}, nil
}

func (s *standin) ConfigureProvider(_ context.Context, req *tfprotov6.ConfigureProviderRequest) (*tfprotov6.ConfigureProviderResponse, error) {
	config, err := decode(req.Config, s.recorded.provider.ValueType())
	if err != nil {
		return nil, err
	}
	given, _ := plain(config).(map[string]any)
	return &tfprotov6.ConfigureProviderResponse{Diagnostics: failure("", s.checkAccess(given))}, nil
}

// checkAccess refuses what the real ones refuse before they ask anybody.
func (s *standin) checkAccess(given map[string]any) error {
	or := func(attribute, variable string) string {
		if text := textOf(given[attribute]); text != "" {
			return text
		}
		return os.Getenv(variable)
	}
	if s.name() == "hcloud" {
		token := or("token", "HCLOUD_TOKEN")
		if token == "" {
			return errors.New("Missing Hetzner Cloud API token")
		}
		if len(token) != 64 {
			return errors.New("entered token is invalid (must be exactly 64 characters long)")
		}
		return nil
	}
	if or("api_url", "RANCHER_URL") == "" {
		return errors.New("[ERROR] No api_url provided")
	}
	if given["bootstrap"] == true && or("token_key", "RANCHER_TOKEN_KEY") != "" {
		return errors.New("[ERROR] Bootstrap mode activated. Token_key or access_key and secret_key can not be provided")
	}
	if or("token_key", "RANCHER_TOKEN_KEY") == "" && or("access_key", "RANCHER_ACCESS_KEY") == "" && given["bootstrap"] != true {
		return errors.New("[ERROR] No token_key nor access_key and secret_key are provided")
	}
	return nil
}

func (s *standin) StopProvider(context.Context, *tfprotov6.StopProviderRequest) (*tfprotov6.StopProviderResponse, error) {
	return &tfprotov6.StopProviderResponse{}, nil
}

func (s *standin) ValidateResourceConfig(context.Context, *tfprotov6.ValidateResourceConfigRequest) (*tfprotov6.ValidateResourceConfigResponse, error) {
	return &tfprotov6.ValidateResourceConfigResponse{}, nil
}

func (s *standin) ValidateDataResourceConfig(context.Context, *tfprotov6.ValidateDataResourceConfigRequest) (*tfprotov6.ValidateDataResourceConfigResponse, error) {
	return &tfprotov6.ValidateDataResourceConfigResponse{}, nil
}

func (s *standin) UpgradeResourceState(_ context.Context, req *tfprotov6.UpgradeResourceStateRequest) (*tfprotov6.UpgradeResourceStateResponse, error) {
	kind := s.recorded.resources[req.TypeName].ValueType()
	options := tfprotov6.UnmarshalOpts{ValueFromJSONOpts: tftypes.ValueFromJSONOpts{IgnoreUndefinedAttributes: true}}
	value, err := req.RawState.UnmarshalWithOpts(kind, options)
	if err != nil {
		return nil, err
	}
	state, err := encode(kind, value)
	return &tfprotov6.UpgradeResourceStateResponse{UpgradedState: state}, err
}

func decode(value *tfprotov6.DynamicValue, kind tftypes.Type) (tftypes.Value, error) {
	if value == nil {
		return tftypes.NewValue(kind, nil), nil
	}
	return value.Unmarshal(kind)
}

func encode(kind tftypes.Type, value tftypes.Value) (*tfprotov6.DynamicValue, error) {
	encoded, err := tfprotov6.NewDynamicValue(kind, value)
	return &encoded, err
}

func failure(what string, err error) []*tfprotov6.Diagnostic {
	if err == nil {
		return nil
	}
	return []*tfprotov6.Diagnostic{{Severity: tfprotov6.DiagnosticSeverityError, Summary: err.Error(), Detail: what}}
}

func notFound(kind, id string) error { return fmt.Errorf("%s %s not found", kind, id) }
