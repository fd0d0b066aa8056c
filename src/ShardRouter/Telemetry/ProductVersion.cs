using System.Reflection;

namespace ShardRouter.Telemetry;

/// <summary>
/// The version of the product, as Directory.Build.props has it: the same in every program, in the OpenAPI document and in the metrics.
/// </summary>
internal static class ProductVersion
{
    public static string Text { get; } =
        typeof(ProductVersion).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()!.InformationalVersion;
}
