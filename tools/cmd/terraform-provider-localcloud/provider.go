package main

import (
	"context"
	"os"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/provider"
	"github.com/hashicorp/terraform-plugin-framework/provider/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

const defaultTimeout = 10 * time.Minute

type localcloud struct{}

func newProvider() provider.Provider { return &localcloud{} }

type providerModel struct {
	Endpoint       types.String `tfsdk:"endpoint"`
	Token          types.String `tfsdk:"token"`
	CACertificate  types.String `tfsdk:"ca_certificate"`
	TimeoutSeconds types.Int64  `tfsdk:"timeout_seconds"`
}

func (p *localcloud) Metadata(_ context.Context, _ provider.MetadataRequest, resp *provider.MetadataResponse) {
	resp.TypeName = "localcloud"
	resp.Version = "0.1.0"
}

func (p *localcloud) Schema(_ context.Context, _ provider.SchemaRequest, resp *provider.SchemaResponse) {
	resp.Schema = schema.Schema{
		Description: "Clusters, machines and volumes on this computer, ordered from its local cloud.",
		Attributes: map[string]schema.Attribute{
			"endpoint": schema.StringAttribute{
				Optional:    true,
				Description: "unix:///path/api.sock or https://host:port; when left out, LOCALCLOUD_ENDPOINT.",
			},
			"token": schema.StringAttribute{
				Optional: true, Sensitive: true,
				Description: "Bearer token, needed over https; when left out, LOCALCLOUD_TOKEN.",
			},
			"ca_certificate": schema.StringAttribute{
				Optional:    true,
				Description: "PEM of the authority that signed the endpoint's certificate; when left out, the system's.",
			},
			"timeout_seconds": schema.Int64Attribute{
				Optional:    true,
				Description: "How long to wait for one thing to become ready or to be gone (600).",
			},
		},
	}
}

func (p *localcloud) Configure(ctx context.Context, req provider.ConfigureRequest, resp *provider.ConfigureResponse) {
	var config providerModel
	resp.Diagnostics.Append(req.Config.Get(ctx, &config)...)
	if resp.Diagnostics.HasError() {
		return
	}
	endpoint := valueOr(config.Endpoint, os.Getenv("LOCALCLOUD_ENDPOINT"))
	if endpoint == "" {
		resp.Diagnostics.AddAttributeError(path.Root("endpoint"), "endpoint is missing",
			"Give the provider an endpoint (unix:///path/api.sock or https://host:port) or set LOCALCLOUD_ENDPOINT.")
		return
	}
	client, err := newClient(endpoint, valueOr(config.Token, os.Getenv("LOCALCLOUD_TOKEN")), config.CACertificate.ValueString())
	if err != nil {
		resp.Diagnostics.AddAttributeError(path.Root("endpoint"), "endpoint can't be used", err.Error())
		return
	}
	client.timeout = defaultTimeout
	if seconds := config.TimeoutSeconds.ValueInt64(); seconds > 0 {
		client.timeout = time.Duration(seconds) * time.Second
	}
	resp.ResourceData = client
}

func (p *localcloud) Resources(context.Context) []func() resource.Resource {
	return []func() resource.Resource{newVolume, newCluster, newMachine}
}

func (p *localcloud) DataSources(context.Context) []func() datasource.DataSource { return nil }

func valueOr(value types.String, otherwise string) string {
	if value.IsNull() || value.IsUnknown() || value.ValueString() == "" {
		return otherwise
	}
	return value.ValueString()
}
