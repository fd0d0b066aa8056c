namespace ShardAdmin.Output;

/// <summary>How results are written to stdout.</summary>
internal enum OutputFormat
{
    Table,

    /// <summary>One indented document.</summary>
    Json,

    /// <summary>One line an element of a list; one line where there is no list.</summary>
    NdJson,
}
