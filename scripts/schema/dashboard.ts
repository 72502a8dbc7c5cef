// A dashboard as it stands in JSON, by Grafana's own types. Every literal is checked, and so is every name:
// what Grafana does not know it would ignore without a word.
import type { Dashboard, FieldConfigSource, Panel, RowPanel, AnnotationQuery } from '@grafana/schema';
import type { Options as BarGauge } from '@grafana/schema/dist/esm/raw/composable/bargauge/panelcfg/x/BarGaugePanelCfg_types.gen';
import type { Options as Pie, FieldConfig as PieField } from '@grafana/schema/dist/esm/raw/composable/piechart/panelcfg/x/PieChartPanelCfg_types.gen';
import type { Options as Stat } from '@grafana/schema/dist/esm/raw/composable/stat/panelcfg/x/StatPanelCfg_types.gen';
import type { Options as Table, FieldConfig as TableField } from '@grafana/schema/dist/esm/raw/composable/table/panelcfg/x/TablePanelCfg_types.gen';
import type { Options as TimeSeries, FieldConfig as TimeSeriesField } from '@grafana/schema/dist/esm/raw/composable/timeseries/panelcfg/x/TimeSeriesPanelCfg_types.gen';

// JSON has no enums: a member of one is its value.
type Json<T> = unknown extends T
  ? T
  : T extends string
    ? `${T}`
    : T extends number
      ? T | (`${T}` extends `${infer N extends number}` ? N : never)
      : T extends (infer Item)[]
        ? Json<Item>[]
        : T extends object
          ? { [Key in keyof T]: Json<T[Key]> }
          : T;

// What a panel leaves out, its plugin fills in.
type Some<T> = T extends (infer Item)[] ? Some<Item>[] : T extends object ? { [Key in keyof T]?: Some<T[Key]> } : T;

// @grafana/schema has no types for Prometheus: its plugin keeps them.
interface PromQuery {
  refId: string;
  expr: string;
  datasource: { type: 'prometheus'; uid: string };
  legendFormat?: string;
  instant?: boolean;
  range?: boolean;
  format?: 'time_series' | 'table' | 'heatmap';
}

type Fields<Custom> = Omit<Json<FieldConfigSource>, 'defaults'> & {
  defaults: Omit<Json<FieldConfigSource['defaults']>, 'custom'> & { custom?: Some<Json<Custom>> };
};

type Of<Type extends string, Options, Custom = Record<string, never>> = Omit<
  Json<Panel>,
  'type' | 'options' | 'fieldConfig' | 'targets'
> & { type: Type; options?: Some<Json<Options>>; fieldConfig: Fields<Custom>; targets: PromQuery[] };

type Mark = Json<AnnotationQuery> & { expr: string; step: string; titleFormat: string; textFormat: string };

export type Checked = Omit<Json<Dashboard>, 'panels' | 'annotations'> & {
  annotations: { list: Mark[] };
  panels: (
    | Json<RowPanel>
    | Of<'stat', Stat>
    | Of<'bargauge', BarGauge>
    | Of<'piechart', Pie, PieField>
    | Of<'table', Table, TableField>
    | Of<'timeseries', TimeSeries, TimeSeriesField>
  )[];
};
