// attach.tsx — pictures for a message: chosen, pasted or dropped
import { useState } from "preact/hooks";
import { t } from "../../i18n";
import { Icon } from "../../ui/icons";
import { toast } from "../../ui/toast";
import { pictureFault, pictureTypes, picturesMost, readPicture } from "./pictures";

export interface Pictures {
	pictures: string[];
	set(uris: string[]): void;
	add(files: Iterable<File>): Promise<void>;
	pasted(e: ClipboardEvent): void;
	/** for the element that takes what is dropped */
	dropping: { onDragOver(e: DragEvent): void; onDrop(e: DragEvent): void };
}

const filesOf = (from: DataTransfer | null): File[] => [...from?.files ?? []];

export function usePictures(): Pictures {
	const [pictures, set] = useState<string[]>([]);
	const add = async (files: Iterable<File>): Promise<void> => {
		const more = [...pictures];
		for (const file of files) {
			const fault = pictureFault(file, more.length);
			const uri = fault ? null : await readPicture(file);
			if (uri)
				more.push(uri);
			else
				toast(t(`playground.${fault ?? "pictureBad"}`, { name: file.name, n: picturesMost }));
		}
		set(more.slice(0, picturesMost));
	};
	return {
		pictures, set, add,
		pasted: (e) => {
			const files = filesOf(e.clipboardData).filter((x) => x.type.startsWith("image/"));
			if (files.length === 0)
				return;
			e.preventDefault();
			void add(files);
		},
		dropping: {
			onDragOver: (e) => { if (e.dataTransfer?.types.includes("Files")) e.preventDefault(); },
			onDrop: (e) => {
				e.preventDefault();
				void add(filesOf(e.dataTransfer));
			},
		},
	};
}

export function PictureButton({ to }: { to: Pictures }) {
	return (
		<label class={to.pictures.length >= picturesMost ? "button off" : "button"} title={t("playground.pictureHint", { n: picturesMost })}>
			<Icon name="image" />{t("playground.picture")}
			<input class="off-screen" type="file" multiple accept={pictureTypes.join(",")} disabled={to.pictures.length >= picturesMost} onChange={(e) => { void to.add([...e.currentTarget.files ?? []]); e.currentTarget.value = ""; }} />
		</label>
	);
}

export function Attached({ of }: { of: Pictures }) {
	return of.pictures.length === 0 ? null : (
		<ul class="row">{of.pictures.map((uri, i) => (
			<li key={i} class="thumb-box"><img class="thumb" src={uri} alt={t("playground.pictureN", { n: i + 1 })} />
				<button type="button" aria-label={t("remove", { name: t("playground.pictureN", { n: i + 1 }) })} onClick={() => of.set(of.pictures.filter((_, at) => at !== i))}>×</button></li>
		))}</ul>
	);
}
